// flexaid's HTTP API: routes and JSON (docs/formats/api.md) on top of the pool.
//
// Thread safety: used on its event loop's thread only.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "node/http_server.h"
#include "node/pool.h"
#include "telemetry/metrics.h"

namespace flexai::node {

struct ApiOptions {
  std::string version;
  uint32_t uid = 0;  // of flexaid
  int32_t pid = 0;
  bool embedded = false;
};

class Api {
 public:
  // `shut_down(keepers)` ends the daemon soon, with its keepers if asked.
  Api(Pool& pool, telemetry::MetricRegistry& metrics, const Clock& clock, ApiOptions options,
      std::function<void(bool keepers)> shut_down);

  // The handler of an HttpServer. Must outlive the requests.
  void Handle(HttpRequest request, HttpServer::Respond respond);

 private:
  void HandleVxpu(const HttpRequest& request, uint64_t id, HttpServer::Respond respond);
  void HandleSession(const HttpRequest& request, uint64_t id, std::string_view rest,
                     HttpServer::Respond respond);
  void CreateVxpu(const HttpRequest& request, HttpServer::Respond respond);
  void ShutDown(const HttpRequest& request, HttpServer::Respond respond);
  HttpResponse Devices() const;
  HttpResponse Vxpus() const;
  HttpResponse Sessions() const;
  HttpResponse Health() const;
  HttpResponse Metrics() const;

  Pool& pool_;
  telemetry::MetricRegistry& metrics_;
  const Clock& clock_;
  const ApiOptions options_;
  const Nanos started_;
  const std::function<void(bool)> shut_down_;
};

// The HTTP status of an error and its JSON: {"error": {"code": ..., "message": ...}}.
HttpResponse ErrorResponse(const Status& status);

// The pool's state as Prometheus families.
std::vector<telemetry::MetricFamily> PoolMetrics(const Pool& pool);

}  // namespace flexai::node
