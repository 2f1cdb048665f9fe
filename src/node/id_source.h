// Ids that no vXPU or session of this machine had since it started: a program that still holds the id of a
// vXPU that is gone must not meet another one.
//
// The next free numbers live in a small file of the runtime folder, which is emptied at boot. Numbers are
// reserved a block at a time, so a kill -9 skips some and repeats none.
//
// Thread safety: one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace flexai::node {

class IdSource {
 public:
  // Reads `path`; a file that is missing starts at 1. A malformed file is an error: guessing could repeat an
  // id.
  static Result<IdSource> Open(std::string path);

  // The next id; fails if a new block cannot be written (a full disk).
  Result<uint64_t> NextVxpu() { return Next(&vxpu_); }
  Result<uint64_t> NextSession() { return Next(&session_); }
  // Takes note of an id that is in use.
  void SawVxpu(uint64_t id) { Saw(&vxpu_, id); }
  void SawSession(uint64_t id) { Saw(&session_, id); }

  // Gives unused numbers of the reserved blocks back, at an orderly end.
  void Close();

 private:
  struct Counter {
    uint64_t next = 1;
    uint64_t reserved = 1;  // numbers below are ours to give
  };

  explicit IdSource(std::string path) : path_(std::move(path)) {}
  Result<uint64_t> Next(Counter* counter);
  void Saw(Counter* counter, uint64_t id);
  Status Save() const;

  std::string path_;
  Counter vxpu_, session_;
};

}  // namespace flexai::node
