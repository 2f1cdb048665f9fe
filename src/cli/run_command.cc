#include "cli/run_command.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/api_client.h"
#include "cli/icd_folder.h"
#include "cli/vxpu_options.h"
#include "os/event_loop.h"
#include "os/files.h"
#include "os/process.h"
#include "os/random.h"
#include "wire/attach.h"

namespace flexai::cli {
namespace {

using nlohmann::json;
using node::VxpuRequest;

constexpr size_t kMaxName = 63;

// The vXPUs of this run. They are tied to our process, so the daemon removes them whatever happens here;
// removing them in order lets a caller use the share again as soon as we have ended.
class OwnVxpus {
 public:
  OwnVxpus(const Context& context, node::RuntimePaths daemon)
      : context_(context), daemon_(std::move(daemon)) {}
  ~OwnVxpus() {
    Result<ApiClient> client = ApiClient::Connect(daemon_);  // the first connection has long been closed
    std::string said;
    for (const uint64_t id : client.ok() ? ids_ : std::vector<uint64_t>{}) {
      const Result<json> removed = client->Json("DELETE", fmt::format("/v1/vxpus/{}", id));
      const std::string refusal = removed.ok() ? removed->value("refusal", "") : "";
      if (!refusal.empty() && refusal != said) {
        // The shim could not print it in its host.
        Report(context_, Unavailable(fmt::format("the command was not attached to its device: {}", refusal)));
        said = refusal;
      }
    }
  }
  OwnVxpus(const OwnVxpus&) = delete;
  OwnVxpus& operator=(const OwnVxpus&) = delete;

  // Where flexaid is killed in the middle, its successor is asked again, and knows by the key what there is.
  Status Make(Result<ApiClient>& client, VxpuRequest request) {
    request.key = fmt::format("{:016x}", os::RandomSeed());
    const json body = ToJson(request);
    Result<json> made = Post(*client, body);
    for (int i = 0; i < kRetries && !made.ok() && made.status().code() == Code::kUnavailable && WasKilled();
         ++i) {
      client = FindOrStartDaemon(context_.environment);
      FLEXAI_RETURN_IF_ERROR(client.status());
      made = Post(*client, body);
    }
    FLEXAI_RETURN_IF_ERROR(made.status());
    return Keep(*made);
  }
  const std::vector<uint64_t>& ids() const { return ids_; }

 private:
  static constexpr int kRetries = 5;

  Result<json> Post(ApiClient& client, const json& body) {
    Result<os::UniqueFd> process = client.OpenDaemon();
    asked_ = process.ok() ? *std::move(process) : os::UniqueFd();
    return client.Json("POST", "/v1/vxpus", &body);
  }
  // Whether the daemon that was asked is gone, or about to be.
  bool WasKilled() const { return !asked_.valid() || os::WaitForEnd(asked_, Seconds(1)); }
  Status Keep(const json& made) {
    const auto id = made.is_object() ? made.find("id") : made.end();
    if (id == made.end() || !id->is_number_unsigned()) {
      return Internal("flexaid made a vXPU without an id");
    }
    ids_.push_back(id->get<uint64_t>());
    return {};
  }

  const Context& context_;
  const node::RuntimePaths daemon_;
  os::UniqueFd asked_;  // the process of the daemon that was asked last
  std::vector<uint64_t> ids_;
};

// Keeps an embedded daemon alive while the child runs: the keepers and the child do not need it, but a
// session that the child opens later does. A daemon that was started to serve is whoever started it's to
// restart.
class DaemonWatch {
 public:
  DaemonWatch(os::EventLoop& loop, const Context& context, ApiClient& client)
      : loop_(loop), context_(context), paths_(client.paths()) {
    Watch(client);
  }
  ~DaemonWatch() { Forget(); }
  DaemonWatch(const DaemonWatch&) = delete;
  DaemonWatch& operator=(const DaemonWatch&) = delete;

 private:
  void Watch(ApiClient& client) {
    const Result<json> health = client.Json("GET", "/v1/health");
    Result<os::UniqueFd> daemon = client.OpenDaemon();
    if (health.ok() && health->value("embedded", false) && daemon.ok()) {
      daemon_ = *std::move(daemon);
      static_cast<void>(loop_.Watch(daemon_.get(), [this] { Ended(); }));
    }
  }
  void Ended() {
    Forget();
    // An orderly end with its keepers is meant; any other is an accident.
    if (KeepersRemain(paths_)) {
      if (Result<ApiClient> next = FindOrStartDaemon(context_.environment); next.ok()) {
        Watch(*next);
      }
    }
  }
  void Forget() {
    if (daemon_.valid()) {
      loop_.Unwatch(daemon_.get());
      daemon_.Reset();
    }
  }

  os::EventLoop& loop_;
  const Context& context_;
  const node::RuntimePaths paths_;
  os::UniqueFd daemon_;
};

// Runs the child and passes signals on to it. Keys of the terminal reach the child by themselves.
Result<int> RunChild(os::EventLoop& loop, const std::string& program, const std::vector<std::string>& command,
                     const std::vector<std::string>& changes) {
  os::Process child;
  // Watched before the child exists: a signal in between waits until there is somebody to pass it to.
  FLEXAI_RETURN_IF_ERROR(loop.WatchSignals({SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2},
                                           [&child](int signal, bool by_terminal) {
                                             if (!by_terminal) {
                                               static_cast<void>(os::SignalProcess(child.pidfd, signal));
                                             }
                                           }));
  os::SpawnOptions spawn;
  spawn.program = program;
  spawn.arguments.assign(command.begin() + 1, command.end());
  spawn.environment = os::Environment(changes);
  spawn.die_with_parent = true;  // without us its vXPUs are gone, and the program could not go on
  FLEXAI_ASSIGN_OR_RETURN(child, os::Spawn(spawn));
  FLEXAI_RETURN_IF_ERROR(loop.Watch(child.pidfd.get(), [&loop] { loop.Stop(); }));
  FLEXAI_RETURN_IF_ERROR(loop.Run());
  loop.Unwatch(child.pidfd.get());
  FLEXAI_ASSIGN_OR_RETURN(const os::ExitState exit, os::Reap(child));
  return exit.signaled ? 128 + exit.value : exit.value;
}

Result<std::string> IcdFolderIn(const node::Environment& environment, const std::string& shim,
                                bool keep_native) {
  FLEXAI_ASSIGN_OR_RETURN(const node::RuntimePaths own, node::ResolveRuntimePaths(environment));
  const bool system = own.directory == node::kSystemRuntimeDirectory;
  const Status made = os::MakeFolders(own.directory, system ? 0755 : 0700);
  Result<std::string> folder = made.ok() ? MakeIcdFolder(own, shim, keep_native, NativeIcdFolder(environment))
                                         : Result<std::string>(made);
  return folder.ok() ? std::move(folder) : folder.status().WithContext(kRuntimeFolderUnusable);
}

// Where the child's OpenCL loader finds the shim: in the runtime folder, or, if that is of another user's
// flexaid, in the one that would be ours.
Result<std::string> IcdFolder(const node::Environment& environment, const std::string& shim,
                              bool keep_native) {
  Result<std::string> folder = IcdFolderIn(environment, shim, keep_native);
  if (folder.ok() || folder.status().code() != Code::kPermissionDenied) {
    return folder;
  }
  node::Environment unnamed = environment;
  unnamed.variable = [&environment](const char* name) {
    return name == std::string_view("FLEXAI_RUNTIME_DIR") ? std::string() : environment.variable(name);
  };
  return IcdFolderIn(unnamed, shim, keep_native);
}

// What must be there before anything is made.
struct Prepared {
  std::vector<VxpuRequest> requests;
  std::string program, shim, icd_folder;
};

Result<Prepared> Prepare(const Context& context, const RunOptions& options) {
  Prepared prepared;
  FLEXAI_ASSIGN_OR_RETURN(prepared.requests, ParseRunOptions(options));
  FLEXAI_ASSIGN_OR_RETURN(prepared.shim, node::FindShim());
  FLEXAI_ASSIGN_OR_RETURN(prepared.icd_folder,
                          IcdFolder(context.environment, prepared.shim, options.keep_native));
  return prepared;
}

}  // namespace

Result<std::vector<VxpuRequest>> ParseRunOptions(const RunOptions& options) {
  VxpuRequest base;
  base.tied = true;
  base.name = options.command.empty() ? "" : std::filesystem::path(options.command[0]).filename().string();
  base.name.resize(std::min(base.name.size(), kMaxName));
  FLEXAI_RETURN_IF_ERROR(SetVxpuFields({{"share", options.share},
                                        {"limit", options.limit},
                                        {"memory", options.memory},
                                        {"priority", options.priority},
                                        {"device", options.device},
                                        {"name", options.name}},
                                       &base));
  if (options.vxpus.empty()) {
    return std::vector<VxpuRequest>{base};
  }
  if (options.vxpus.size() > wire::kMaxVxpusPerSession) {
    return InvalidArgument(fmt::format("--vxpu: {} vXPUs are more than the {} that one program can hold",
                                       options.vxpus.size(), wire::kMaxVxpusPerSession));
  }
  std::vector<VxpuRequest> requests;
  for (const std::string& list : options.vxpus) {
    FLEXAI_RETURN_IF_ERROR(SetVxpuList(list, &requests.emplace_back(base)));
  }
  return requests;
}

int Run(const Context& context, const RunOptions& options) {
  const Result<std::string> program =
      os::FindExecutable(options.command.at(0), context.environment.variable("PATH"));
  if (!program.ok()) {
    const bool found = program.status().code() == Code::kPermissionDenied;
    return Report(context, program.status(), found ? kExitNotExecutable : kExitNotFound);
  }
  const Result<Prepared> prepared = Prepare(context, options);
  if (!prepared.ok()) {
    return Report(context, prepared.status(),
                  prepared.status().code() == Code::kInvalidArgument ? kExitUsage : kExitRunFailed);
  }
  Result<std::unique_ptr<os::EventLoop>> loop = os::EventLoop::Create();
  std::optional<Result<ApiClient>> client(FindOrStartDaemon(context.environment));
  if (!loop.ok() || !client->ok()) {
    return Report(context, loop.ok() ? client->status() : loop.status(), kExitRunFailed);
  }
  const node::RuntimePaths daemon = (*client)->paths();
  OwnVxpus vxpus(context, daemon);
  for (const VxpuRequest& request : prepared->requests) {
    if (const Status made = vxpus.Make(*client, request); !made.ok()) {
      return Report(context, made, kExitRunFailed);
    }
  }
  const DaemonWatch watch(**loop, context, **client);
  client.reset();  // it would only lie idle
  const Result<int> exit = RunChild(**loop, *program, options.command,
                                    {fmt::format("FLEXAI_ATTACH_SOCKET={}", daemon.attach_socket()),
                                     fmt::format("FLEXAI_VXPUS={}", fmt::join(vxpus.ids(), ",")),
                                     fmt::format("OCL_ICD_VENDORS={}", prepared->icd_folder),
                                     fmt::format("OCL_ICD_FILENAMES={}", prepared->shim)});
  return exit.ok() ? *exit : Report(context, exit.status(), kExitNotExecutable);
}

}  // namespace flexai::cli
