#include "cli/daemon_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "cli/api_client.h"
#include "node/config.h"
#include "node/daemon.h"
#include "node/runtime_paths.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/socket.h"
#include "os/user.h"
#include "telemetry/log.h"

namespace flexai::cli {
namespace {

constexpr Nanos kTakeOverPatience = Seconds(30);
constexpr auto kTakeOverPause = std::chrono::milliseconds(20);

struct DaemonArguments {
  std::string config;
  bool embedded = false;
  bool check = false;
  int ready_fd = -1;
};

// Who started us waits on this socket for one packet: that we serve, or why not.
class Starter {
 public:
  explicit Starter(int fd) : socket_(os::UniqueFd(fd)) {}

  void Tell(const Status& status) {
    if (!socket_.valid()) {
      return;
    }
    const nlohmann::json said =
        status.ok()
            ? nlohmann::json{{"ok", true}}
            : nlohmann::json{{"ok", false}, {"code", CodeName(status.code())}, {"message", status.message()}};
    static_cast<void>(socket_.Send(said.dump()));  // who went away needs no answer
    socket_.Close();
  }

 private:
  os::PacketSocket socket_;
};

Result<node::DaemonOptions> MakeOptions(const DaemonArguments& arguments) {
  const node::Environment environment = node::ProcessEnvironment();
  node::DaemonOptions options;
  const node::ConfigPath config = arguments.config.empty() ? node::ResolveConfigPath(environment)
                                                           : node::ConfigPath{arguments.config, true};
  FLEXAI_ASSIGN_OR_RETURN(options.config, node::LoadConfig(config.path, config.must_exist));
  FLEXAI_ASSIGN_OR_RETURN(options.paths, node::ResolveRuntimePaths(environment));
  options.lock_directory = node::ResolveLockDirectory(environment);
  options.uid = environment.uid;
  options.pid = os::ProcessId();
  options.embedded = arguments.embedded;
  if (arguments.embedded) {
    options.config.access = node::Access::kOwner;
  } else if (!options.config.access) {
    options.config.access = environment.uid == 0 ? node::Access::kEverybody : node::Access::kOwner;
  }
  FLEXAI_ASSIGN_OR_RETURN(options.keeper_program, node::FindProgram("flexai-keeper"));
  FLEXAI_ASSIGN_OR_RETURN(options.executor_program, node::FindProgram("flexai-executor"));
  return options;
}

// Asks an embedded daemon in our folder to make room; its keepers and sessions stay. False if there is none.
bool AskEmbeddedToEnd(const node::RuntimePaths& paths) {
  Result<ApiClient> client = ApiClient::Connect(paths);
  if (!client.ok()) {
    return false;
  }
  const Result<nlohmann::json> health = client->Json("GET", "/v1/health");
  return health.ok() && health->value("embedded", false) && client->Json("POST", "/v1/shutdown").ok();
}

// A daemon that was started to serve goes before one that `flexai run` started for itself.
Result<std::unique_ptr<node::Daemon>> CreateDaemon(const node::DaemonOptions& options, telemetry::Log& log) {
  const os::MonotonicClock clock;
  const Nanos give_up_at = clock.Now() + kTakeOverPatience;
  bool asked = false;
  for (;;) {
    Result<std::unique_ptr<node::Daemon>> daemon = node::Daemon::Create(options, log);
    if (daemon.ok() || daemon.status().code() != Code::kAlreadyExists || options.embedded ||
        clock.Now() > give_up_at) {
      return daemon;
    }
    asked = AskEmbeddedToEnd(options.paths) || asked;
    if (!asked) {
      return daemon;
    }
    std::this_thread::sleep_for(kTakeOverPause);
  }
}

Status Serve(const node::DaemonOptions& options, telemetry::Log& log, Starter* starter) {
  Result<std::unique_ptr<node::Daemon>> daemon = CreateDaemon(options, log);
  if (!daemon.ok()) {
    return daemon.status();
  }
  return (*daemon)->Run([starter] { starter->Tell({}); });
}

}  // namespace

int RunDaemon(int argc, char** argv, const std::string& version, uint64_t description_hash) {
  CLI::App app("flexaid: finds the accelerators of this machine and serves virtual units of them.",
               "flexaid");
  DaemonArguments arguments;
  app.add_option("--config", arguments.config,
                 "Configuration file (default: /etc/flexai/flexaid.conf as root, else "
                 "~/.config/flexai/flexaid.conf)")
      ->type_name("FILE");
  app.add_flag("--check", arguments.check, "Check the configuration and exit");
  app.add_flag("--embedded", arguments.embedded,
               "Serve this user only and end when nothing is left to serve ('flexai run' starts it so)");
  app.add_option("--ready-fd", arguments.ready_fd, "Tell on this socket when serving")->group("");
  app.set_version_flag("--version", "flexaid " + version);
  app.footer(
      "Signals: TERM and INT end flexaid and leave keepers and sessions alone; HUP looks for devices again.\n"
      "See also: flexaid(8), flexaid.conf(5), flexai(1).");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);
    }
    std::cerr << "flexaid: " << telemetry::OneLine(error.what()) << " ('flexaid --help' lists the options)\n";
    return 2;
  }
  Starter starter(arguments.ready_fd);
  telemetry::Log log("flexaid", telemetry::LogLevel::kInfo, telemetry::LayoutForStderr());
  Result<node::DaemonOptions> options = MakeOptions(arguments);
  Status served = options.status();
  if (served.ok() && !arguments.check) {
    options->version = version;
    options->description_hash = description_hash;
    log.SetLevel(options->config.log_level);
    if (arguments.embedded) {
      std::error_code ignored;
      std::filesystem::current_path("/", ignored);  // hold no folder of the user's busy
    }
    served = Serve(*options, log, &starter);
  }
  if (!served.ok()) {
    log.Error("{}", served.message());
    starter.Tell(served);
    return 1;
  }
  return 0;
}

}  // namespace flexai::cli
