// flexaid's connection to the keeper of one device: requests in JSON, one at a time, answered in order
// (docs/formats/keeper.md).
//
// Thread safety: used on its event loop's thread only. Callbacks run on that thread, never inside Request;
// each runs exactly once unless the link is destroyed first (then never). A callback may destroy the link.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "os/event_loop.h"
#include "os/socket.h"

namespace flexai::node {

struct KeeperReply {
  nlohmann::json body;
  std::vector<os::UniqueFd> fds;
};

class KeeperLink {
 public:
  using Done = std::function<void(Result<KeeperReply>)>;

  // Connects to a keeper's socket. `lost` runs once when the connection ends or breaks, after every waiting
  // request has failed. The loop must outlive the link.
  static Result<std::unique_ptr<KeeperLink>> Connect(os::EventLoop& loop, const std::string& path,
                                                     std::function<void(Status)> lost);
  ~KeeperLink();
  KeeperLink(const KeeperLink&) = delete;
  KeeperLink& operator=(const KeeperLink&) = delete;

  // Sends `body` (an object with "op") and `fds`, which must stay open until `done` runs. `done` gets the
  // reply, or the keeper's refusal with its code and sentence, or kUnavailable if the keeper is gone. A
  // keeper that takes longer than `timeout` is taken for broken and the link ends.
  void Request(nlohmann::json body, std::vector<int> fds, Nanos timeout, Done done);

 private:
  struct Pending {
    std::string text;
    std::vector<int> fds;
    Nanos timeout;
    Done done;
  };

  KeeperLink(os::EventLoop& loop, os::PacketSocket socket, std::function<void(Status)> lost)
      : loop_(loop), socket_(std::move(socket)), lost_(std::move(lost)) {}
  void SendNext();
  void Receive();
  void End(Status why);

  os::EventLoop& loop_;
  os::PacketSocket socket_;
  std::function<void(Status)> lost_;
  std::deque<Pending> pending_;  // the first one is sent if sent_
  bool sent_ = false;
  uint64_t timer_ = 0;
  // Set to false by the destructor: how a member function sees that a callback destroyed the link.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A refusal's JSON as a Status; kInternal if the code is unknown.
Status StatusFromJson(const nlohmann::json& refusal);

}  // namespace flexai::node
