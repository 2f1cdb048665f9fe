#include "keeper/tenant.h"

#include <fmt/core.h>

#include "os/files.h"
#include "os/user.h"

namespace flexai::keeper {
namespace {

// Above the ranges that distributions, containers and systemd hand out.
constexpr uid_t kFirstExecutorUser = 0x70000000;
constexpr uid_t kExecutorUsers = 0x0ffffff0;

}  // namespace

Tenants::Tenants(std::string cache_dir) : cache_dir_(std::move(cache_dir)) {}

Result<Tenants::Place> Tenants::Prepare(uid_t tenant) {
  Place place;
  if (cache_dir_.empty()) {
    return FailedPrecondition("there is no folder for kernel caches: set HOME, or give --cache-dir");
  }
  const std::string folder = fmt::format("{}/tenant-{}", cache_dir_, tenant);
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(cache_dir_, 0755));
  if (os::EffectiveUser() == 0) {
    uid_t user = kFirstExecutorUser + tenant % kExecutorUsers;
    if (!os::UserIsMapped(user)) {
      constexpr uid_t kNobody = 65534;
      user = kNobody;
      place.missing.push_back("this user namespace has no user for each tenant: all executors run as 65534");
    }
    place.sandbox.uid = user;
    place.sandbox.gid = user;
    place.sandbox.groups = os::GroupsOfDeviceNodes();
    FLEXAI_RETURN_IF_ERROR(os::MakeFolderFor(folder, user, user));
    FLEXAI_RETURN_IF_ERROR(os::MakeFolderFor(folder + "/tmp", user, user));
  } else {
    FLEXAI_RETURN_IF_ERROR(os::MakeOwnFolder(folder, 0700));
    FLEXAI_RETURN_IF_ERROR(os::MakeOwnFolder(folder + "/tmp", 0700));
    place.missing.push_back("the keeper is not root: executors run as its own user");
  }
  place.cache = folder;
  place.sandbox.writable = {folder};
  place.environment = {"HOME=" + folder, "TMPDIR=" + folder + "/tmp", "XDG_CACHE_HOME=" + folder,
                       "POCL_CACHE_DIR=" + folder + "/pocl", "CUDA_CACHE_PATH=" + folder + "/cuda"};
  return place;
}

}  // namespace flexai::keeper
