#include "line_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "os/error.h"
#include "os/monotonic_clock.h"

namespace flexai::bench {
namespace {

struct Pipe {
  os::UniqueFd read;
  os::UniqueFd write;
};

Result<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return os::ErrnoStatus("making a pipe");
  }
  return Pipe{os::UniqueFd(fds[0]), os::UniqueFd(fds[1])};
}

Result<os::UniqueFd> OpenLog(const std::string& path) {
  os::UniqueFd fd(
      open(path.empty() ? "/dev/null" : path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid()) {
    return os::ErrnoStatus("opening the log " + path);
  }
  return fd;
}

}  // namespace

Result<os::Process> StartProgram(const Launch& launch, int input_fd, int output_fd) {
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd log, OpenLog(launch.log_path));
  const os::UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  os::SpawnOptions options;
  options.program = launch.program;
  options.arguments = launch.arguments;
  options.environment = launch.environment;
  options.fds = {{input_fd >= 0 ? input_fd : null.get(), STDIN_FILENO},
                 {output_fd >= 0 ? output_fd : null.get(), STDOUT_FILENO},
                 {log.get(), STDERR_FILENO}};
  options.die_with_parent = true;
  if (launch.core >= 0) {
    options.before_exec = [core = launch.core] {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(core, &set);
      return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
    };
  }
  return os::Spawn(options);
}

void EndProgram(os::Process& process, int signal, Nanos timeout) {
  if (process.pid <= 0) {
    return;
  }
  (void)os::SignalProcess(process.pidfd, signal);
  if (!os::WaitForEnd(process.pidfd, timeout)) {
    (void)os::SignalProcess(process.pidfd, SIGKILL);
  }
  (void)os::Reap(process);
  process = {};
}

Result<LineClient> LineClient::Begin(const Launch& launch) {
  FLEXAI_ASSIGN_OR_RETURN(Pipe input, MakePipe());
  FLEXAI_ASSIGN_OR_RETURN(Pipe output, MakePipe());
  LineClient client;
  FLEXAI_ASSIGN_OR_RETURN(client.process_, StartProgram(launch, input.read.get(), output.write.get()));
  client.input_ = std::move(input.write);
  client.output_ = std::move(output.read);
  client.log_path_ = launch.log_path;
  return client;
}

Result<LineClient> LineClient::Start(const Launch& launch, Nanos timeout) {
  FLEXAI_ASSIGN_OR_RETURN(LineClient client, Begin(launch));
  const auto first = client.Receive(timeout);
  if (!first.ok()) {
    return first.status().WithContext("starting " + launch.program);
  }
  return client;
}

LineClient& LineClient::operator=(LineClient&& other) noexcept {
  if (this != &other) {
    End();
    process_ = std::exchange(other.process_, {});
    input_ = std::move(other.input_);
    output_ = std::move(other.output_);
    buffer_ = std::move(other.buffer_);
    log_path_ = std::move(other.log_path_);
  }
  return *this;
}

LineClient::~LineClient() { End(); }

// A client leaves by itself at the end of its input, so that its exit path (releases, atexit) runs as a
// user's would.
void LineClient::End() {
  if (process_.pid <= 0 || !process_.pidfd.valid()) {
    return;
  }
  input_.Reset();
  if (os::WaitForEnd(process_.pidfd, Seconds(10))) {
    (void)os::Reap(process_);
    process_ = {};
  } else {
    EndProgram(process_, SIGTERM, Seconds(2));
  }
}

Status LineClient::Send(const std::string& command) {
  const std::string line = command + "\n";
  if (write(input_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return os::ErrnoStatus("telling a client \"" + command + "\"");
  }
  return {};
}

Result<nlohmann::json> LineClient::Receive(Nanos timeout) {
  const os::MonotonicClock clock;
  const Nanos deadline = clock.Now() + timeout;
  size_t end;
  while ((end = buffer_.find('\n')) == std::string::npos) {
    pollfd waiting{.fd = output_.get(), .events = POLLIN, .revents = 0};
    const Nanos left = deadline - clock.Now();
    if (left.value <= 0 || poll(&waiting, 1, static_cast<int>(left.value / 1000000 + 1)) == 0) {
      return DeadlineExceeded("A client did not answer in time; its log is " + log_path_ + ".");
    }
    char chunk[65536];
    const ssize_t got = read(output_.get(), chunk, sizeof chunk);
    if (got <= 0) {
      return Unavailable("A client ended without an answer; its log is " + log_path_ + ".");
    }
    buffer_.append(chunk, static_cast<size_t>(got));
  }
  auto answer = nlohmann::json::parse(buffer_.substr(0, end), nullptr, false);
  const std::string line = buffer_.substr(0, std::min<size_t>(end, 200));
  buffer_.erase(0, end + 1);
  if (answer.is_discarded() || !answer.is_object()) {
    return Internal("A client answered \"" + line + "\", which is no JSON object.");
  }
  if (answer.contains("error")) {
    return Internal("A client failed: " + answer["error"].get<std::string>() + " (log: " + log_path_ + ")");
  }
  return answer;
}

Result<nlohmann::json> LineClient::Ask(const std::string& command, Nanos timeout) {
  FLEXAI_RETURN_IF_ERROR(Send(command));
  return Receive(timeout);
}

}  // namespace flexai::bench
