#include "cli/sim_what_if_command.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/sim_timed_command.h"
#include "os/files.h"

namespace flexai::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kExamples = FLEXAI_EXAMPLES;

struct Answer {
  int exit = 0;
  std::string out;
  std::string err;
};

template <typename Command, typename Options>
Answer Ask(Command command, const Options& options, bool as_json = false) {
  std::ostringstream out;
  std::ostringstream err;
  const Context context{{}, "1", as_json, false, out, err};
  const int exit = command(context, options);
  return {exit, out.str(), err.str()};
}

SimWhatIfOptions Example() {
  SimWhatIfOptions options;
  options.snapshot = kExamples + "/snapshot";
  return options;
}

TEST(SimWhatIf, TellsWhoStartsOnMoreNodes) {
  SimWhatIfOptions options = Example();
  options.add_nodes = kExamples + "/more-nodes.csv";
  const Answer table = Ask(SimWhatIf, options);
  EXPECT_EQ(table.exit, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("devices in service"));
  EXPECT_THAT(table.out, HasSubstr("starts with 2 members on v100-3"));
  EXPECT_THAT(table.out, HasSubstr("job 'day-1' waits for its time"));
  EXPECT_EQ(Ask(SimWhatIf, options).out, table.out) << "the same answer each time";

  const Answer printed = Ask(SimWhatIf, options, true);
  const json answer = json::parse(printed.out);
  EXPECT_EQ(answer["now"]["devices"], 18);
  EXPECT_EQ(answer["with_change"]["devices"], 22);
  EXPECT_EQ(answer["differences"][0]["job"], "eval");
  EXPECT_EQ(answer["differences"][0]["as_is"], "waits");
  EXPECT_EQ(answer["with_change"]["jobs"]["waiting"], answer["waiting"]);
}

TEST(SimWhatIf, TellsWhatARemovedNodeCosts) {
  SimWhatIfOptions options = Example();
  options.remove_nodes = {"v100-2", "old-1"};
  options.explain = 1;
  const Answer answer = Ask(SimWhatIf, options);
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("node v100-2 is gone"));
  EXPECT_THAT(answer.out, HasSubstr("node old-1 is gone"));
  EXPECT_THAT(answer.out, HasSubstr("still wait; of the first 1:"));
}

TEST(SimWhatIf, SaysWhatIsWrong) {
  SimWhatIfOptions options = Example();
  options.remove_nodes = {"nowhere"};
  Answer answer = Ask(SimWhatIf, options);
  EXPECT_EQ(answer.exit, kExitUsage);
  EXPECT_EQ(answer.err, "flexai: there is no node 'nowhere' in the snapshot to remove\n");
  options = Example();
  options.policy = "best";
  answer = Ask(SimWhatIf, options);
  EXPECT_EQ(answer.exit, kExitUsage);
  EXPECT_THAT(answer.err, HasSubstr("flexai: --policy: "));
  options = Example();
  options.snapshot = kExamples + "/no-such-folder";
  answer = Ask(SimWhatIf, options);
  EXPECT_EQ(answer.exit, kExitFailure);
  EXPECT_THAT(answer.err, HasSubstr("no-such-folder/snapshot.csv"));
}

SimTimedOptions Timed() {
  SimTimedOptions options;
  options.nodes = kExamples + "/cluster/nodes.csv";
  options.pods = kExamples + "/cluster/pods.csv";
  options.tasks = kExamples + "/cluster/tasks.csv";
  options.queues = kExamples + "/cluster/queues.csv";
  options.policies = "best-fit";
  options.seeds = "1";
  options.warm_up = "0s";
  options.horizon = "24h";
  options.snapshot_at = "90m";
  return options;
}

// The example's snapshot is what its document says: that of a run, to the byte.
TEST(SimTimed, WritesASnapshotThatWhatIfReads) {
  SimTimedOptions options = Timed();
  options.snapshot = ::testing::TempDir() + "/flexai-snapshot-test";
  const Answer written = Ask(SimTimed, options);
  ASSERT_EQ(written.exit, 0) << written.err;
  for (const char* file : {"nodes.csv", "tasks.csv", "queues.csv", "snapshot.csv"}) {
    EXPECT_EQ(*os::ReadFile(options.snapshot + "/" + file), *os::ReadFile(kExamples + "/snapshot/" + file));
  }
  SimWhatIfOptions what_if;
  what_if.snapshot = options.snapshot;
  EXPECT_EQ(Ask(SimWhatIf, what_if).exit, 0);
  EXPECT_TRUE(os::RemoveFolder(options.snapshot).ok());
}

TEST(SimTimed, ASnapshotIsOfOneRun) {
  SimTimedOptions options = Timed();
  const auto refused = [&options] {
    const Answer answer = Ask(SimTimed, options);
    EXPECT_EQ(answer.exit, kExitUsage);
    return answer.err;
  };
  EXPECT_EQ(refused(), "flexai: --snapshot and --snapshot-at: each goes with the other\n");
  options.snapshot = "nowhere";
  options.seeds = "1-2";
  EXPECT_EQ(refused(),
            "flexai: --snapshot: is of one run: give one policy and one seed, as --policies hi --seeds 1\n");
  options.seeds = "1";
  options.snapshot_at = "24h";
  EXPECT_EQ(refused(), "flexai: --snapshot-at: must be before the horizon\n");
  options.snapshot_at = "1h";
  options.low_window = "25:00-26:00";
  EXPECT_THAT(refused(), HasSubstr("flexai: --low-window: "));
}

}  // namespace
}  // namespace flexai::cli
