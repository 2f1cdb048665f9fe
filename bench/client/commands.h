// The measurements that a client makes when it is told to, each from the arguments of one command line.
// A command that cannot be understood ends the program (Fail): the driver is ours, so that is our mistake.
#pragma once

#include <istream>
#include <nlohmann/json.hpp>

#include "client/session.h"

namespace flexai::bench {

using Json = nlohmann::json;

// kernels.cc
Json Calibrate(Session& session, std::istream& arguments);      // -> ns_per_iteration
Json Throughput(Session& session, std::istream& arguments);     // iterations count -> seconds
Json EnqueueBurst(Session& session, std::istream& arguments);   // burst rounds -> call_us [...]
Json EnqueueAsleep(Session& session, std::istream& arguments);  // pause_us count -> call_us [...]
Json RoundTrip(Session& session,
               std::istream& arguments);  // finish|read pause_us count -> round_trip_us [...]

// transfer.cc
Json Transfer(Session& session,
              std::istream& arguments);  // read|write|map bytes cold|warm count -> seconds [...]

// tenant.cc
Json Tenant(Session& session,
            std::istream& arguments);  // start_ns duration_ns mix -> completions [[ns, kind, n]...]
Json Burn(Session& session, std::istream& arguments);  // iterations; until input arrives -> kernels, seconds

// service.cc
Json Service(Session& session,
             std::istream& arguments);  // requests seed think_us iterations kernels sync -> latency_ms

// lifetime.cc: programs of their own, without a session made first.
int Attach();                         // prints the time of its first context
int AttachLoop(const char* program);  // commands: "attach" starts `program attach` -> milliseconds

}  // namespace flexai::bench
