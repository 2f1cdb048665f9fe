// A child process that is told what to do by lines on its standard input and answers each with one line of
// JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "os/process.h"
#include "os/unique_fd.h"

namespace flexai::bench {

struct Launch {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  int core = -1;         // the one CPU it may run on (inherited by its children); -1: any
  std::string log_path;  // where its standard error is appended
};

// Starts a program that speaks no lines (the daemon). It is killed when the calling thread ends.
Result<os::Process> StartProgram(const Launch& launch, int input_fd = -1, int output_fd = -1);

// Sends `signal`, waits up to `timeout` for the end, kills what is left and reaps it.
void EndProgram(os::Process& process, int signal, Nanos timeout);

// Move-only; its process is ended when it goes. One thread at a time.
class LineClient {
 public:
  // Starts the program and waits for its first line, which must be {"ready":true,...}.
  static Result<LineClient> Start(const Launch& launch, Nanos timeout = Seconds(180));
  // The same without waiting, to start several at once; then Receive the first line of each.
  static Result<LineClient> Begin(const Launch& launch);

  LineClient(LineClient&&) noexcept = default;
  LineClient& operator=(LineClient&& other) noexcept;
  ~LineClient();

  // One command and its answer. An answer {"error":"..."} is the failed Status that it describes.
  Result<nlohmann::json> Ask(const std::string& command, Nanos timeout = Seconds(120));

  Status Send(const std::string& command);
  Result<nlohmann::json> Receive(Nanos timeout = Seconds(120));

  pid_t pid() const { return process_.pid; }

 private:
  LineClient() = default;
  void End();

  os::Process process_;
  os::UniqueFd input_;
  os::UniqueFd output_;
  std::string buffer_;
  std::string log_path_;
};

}  // namespace flexai::bench
