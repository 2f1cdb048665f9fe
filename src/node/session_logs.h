// The logs of ended sessions in the log folder: those of the newest stay to be read, older ones are deleted.
// Keepers write the files; which are still wanted is known here.
//
// Thread safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>

namespace flexai::node {

class SessionLogs {
 public:
  // Keeps the logs of the `kept` sessions that ended last.
  SessionLogs(std::string folder, size_t kept) : folder_(std::move(folder)), kept_(kept) {}

  // Takes over what earlier flexaids left in the folder, apart from the logs of `live` sessions. These
  // sessions count as ended in the order of their numbers. Called before any Ended.
  void Adopt(const std::set<uint64_t>& live);
  void Ended(uint64_t session);

 private:
  const std::string folder_;
  const size_t kept_;
  std::deque<uint64_t> ended_;  // that may have a log; oldest first
};

}  // namespace flexai::node
