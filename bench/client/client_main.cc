// flexai-bench-client: a plain OpenCL program that measures what it is told on its standard input.
//
// Without arguments it makes a session, prints {"ready":true} and answers each command line with one line of
// JSON. `attach` and `attach-loop` measure the time to the first context.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "client/commands.h"

namespace flexai::bench {
namespace {

struct Command {
  std::string_view name;
  Json (*run)(Session&, std::istream&);
};

constexpr Command kCommands[] = {
    {"calibrate", Calibrate},  {"throughput", Throughput},
    {"enqueue", EnqueueBurst}, {"enqueue_asleep", EnqueueAsleep},
    {"round_trip", RoundTrip}, {"transfer", Transfer},
    {"tenant", Tenant},        {"burn", Burn},
    {"service", Service},
};

void Answer(const Json& answer) {
  std::printf("%s\n", answer.dump().c_str());
  std::fflush(stdout);
}

Json Run(Session& session, const std::string& line) {
  std::istringstream arguments(line);
  std::string name;
  arguments >> name;
  for (const Command& command : kCommands) {
    if (command.name == name) {
      return command.run(session, arguments);
    }
  }
  Fail("unknown command " + name);
}

int Main(int count, char** arguments) {
  std::ios::sync_with_stdio(false);  // so that what was read ahead can be asked for
  const std::string_view mode = count > 1 ? arguments[1] : "";
  if (mode == "attach") {
    return Attach();
  }
  if (mode == "attach-loop") {
    return AttachLoop(arguments[0]);
  }
  Session session;
  Answer({{"ready", true}});
  for (std::string line; std::getline(std::cin, line);) {
    Answer(Run(session, line));
  }
  return 0;
}

}  // namespace
}  // namespace flexai::bench

int main(int count, char** arguments) { return flexai::bench::Main(count, arguments); }
