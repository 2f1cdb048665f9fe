// As whom a tenant's executors run, and where they may write.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/status.h"
#include "os/sandbox.h"

namespace flexai::keeper {

// Executors of a keeper that is root run as a user of their own per tenant, who owns nothing but the tenant's
// cache folder: neither the tenant's other processes nor other tenants' executors share it. Compiled kernels
// are loaded as code, so a cache is never shared between tenants.
class Tenants {
 public:
  // `cache_dir` is made when it is first needed.
  explicit Tenants(std::string cache_dir);

  struct Place {
    os::SandboxOptions sandbox;
    std::string cache;                     // folder of compiled kernels
    std::vector<std::string> environment;  // changes to the keeper's own, for os::Environment
    std::vector<std::string> missing;      // what of the isolation is not there, one sentence each
  };
  // kPermissionDenied and others if the folder can't be made (a full disk, for example).
  Result<Place> Prepare(uid_t tenant);

 private:
  std::string cache_dir_;
};

}  // namespace flexai::keeper
