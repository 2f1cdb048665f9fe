// What a keeper is told on its command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"

namespace flexai::keeper {

struct Options {
  std::string device;     // id, for people and names of files
  std::string socket;     // where flexaid connects
  std::string lock;       // file whose lock says that this device has a keeper
  std::string executor;   // program
  std::string log_dir;    // logs of sessions
  std::string cache_dir;  // kernel caches, one folder per tenant; default: beside the user's other caches
  Bytes memory;           // of the device
  Bytes reserve;          // of it, for nobody
  Bytes session_overhead{135ull << 20};  // what a context takes on the device: measured with PoCL
  Nanos longest_command{0};
  bool freeze = false;  // a CPU device: executors can be stopped in the middle of a command
};

// The sentence of the failure says which argument is wrong. `--help` is kNotFound with the usage as its
// message.
Result<Options> ParseOptions(const std::vector<std::string>& arguments);

}  // namespace flexai::keeper
