#include "executor/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

namespace flexai::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Ordering = Graph::Ordering;

// A driver that keeps what was submitted until the test ends it.
class FakeDevice : public DeviceLayer {
 public:
  struct Submission {
    Command* command;
    std::vector<Command*> waits;
  };

  int32_t Submit(Command& command, std::span<Command* const> waits, bool report_start) override {
    if (fail_with != 0) {
      return fail_with;
    }
    submitted.push_back({&command, {waits.begin(), waits.end()}});
    reported_start = report_start;
    if (end_at_once) {
      graph->OnDeviceDone(&command, kStatusComplete, {1, 2, 3, 4});
    }
    return 0;
  }
  void Flush(CommandQueue&) override { ++flushes; }
  int32_t StatusOf(Command& command) override { return lost.contains(&command) ? -5 : kStatusSubmitted; }

  std::vector<uint64_t> Sequences() const {
    std::vector<uint64_t> sequences;
    for (const Submission& one : submitted) {
      sequences.push_back(one.command->sequence);
    }
    return sequences;
  }

  Graph* graph = nullptr;
  std::vector<Submission> submitted;
  std::set<Command*> lost;
  int32_t fail_with = 0;
  bool end_at_once = false;
  bool reported_start = false;
  int flushes = 0;
};

class RecordingSink : public StatusSink {
 public:
  void PublishEvent(uint32_t slot, int32_t status, const wire::CommandTimes&) override {
    events[slot] = status;
  }
  void PublishQueue(uint32_t slot, uint64_t done, int32_t error) override {
    queue_done[slot] = done;
    if (error != 0 && queue_error[slot] == 0) {
      queue_error[slot] = error;
    }
  }
  std::map<uint32_t, int32_t> events;
  std::map<uint32_t, uint64_t> queue_done;
  std::map<uint32_t, int32_t> queue_error;
};

// Lets `room` commands in.
class FakeLease : public share::Lease {
 public:
  std::span<const std::atomic<uint32_t>* const> WakeWords() const override { return {}; }
  share::Entry TryEnter(uint32_t, Nanos predicted) override {
    predictions.push_back(predicted.value);
    if (room == 0) {
      return share::Entry::kNo;
    }
    --room;
    return report_start ? share::Entry::kYesReportStart : share::Entry::kYes;
  }
  void Started(uint32_t, Nanos) override { ++started; }
  bool Finished(uint32_t, Nanos, Nanos start, Nanos end) override {
    busy_ns += end.value - start.value;
    if (give_room_back) {
      ++room;
    }
    return give_room_back;
  }
  void Abandon(uint32_t, Nanos) override { ++abandoned; }
  void Idle(uint32_t) override { ++idle; }
  Nanos Deadline() const override { return {deadline_ns}; }
  void OnDeadline() override {}
  Status Charge(uint32_t, int64_t) override { return {}; }
  Bytes Available(uint32_t) const override { return {}; }

  int room = 1000;
  bool report_start = false, give_room_back = true;
  int started = 0, abandoned = 0, idle = 0;
  int64_t busy_ns = 0;
  int64_t deadline_ns = INT64_MAX;
  std::vector<int64_t> predictions;
};

class TestCommand : public Command {
 public:
  TestCommand(CommandKind command_kind, int* alive) : Command(command_kind), alive_(alive) { ++*alive_; }
  ~TestCommand() override { --*alive_; }
  Nanos Predict() const override { return {learned_ns}; }
  void Learn(Nanos busy) override { learned_ns = busy.value; }
  int64_t learned_ns = 0;

 private:
  int* alive_;
};

class GraphTest : public ::testing::Test {
 protected:
  GraphTest() : graph_(device_, sink_, {{&lease_, 0}}, clock_, [this] { ++wakes_; }) {
    device_.graph = &graph_;
    in_order_.slot = 100;
    out_of_order_.slot = 101;
    out_of_order_.in_order = false;
  }
  // Ends what still runs, and sees that nothing stays behind.
  ~GraphTest() override {
    lease_.room = 1'000'000;
    graph_.Pump();
    for (size_t i = 0; i < device_.submitted.size(); ++i) {
      if (!device_.submitted[i].command->done()) {
        End(device_.submitted[i].command);
      }
    }
    for (Command* command : kept_) {
      command->Drop();
    }
    graph_.Harvest();
    EXPECT_EQ(alive_, 0);
  }

  // A command with the next sequence number, kept by the test as an event would.
  TestCommand* New(CommandQueue* queue, CommandKind kind, bool with_event = true) {
    auto* command = new TestCommand(kind, &alive_);
    command->queue = queue;
    command->sequence = next_++;
    command->has_event = with_event;
    command->event_slot = with_event ? static_cast<uint32_t>(command->sequence) : wire::kNoSlot;
    command->Keep();
    kept_.push_back(command);
    return command;
  }
  TestCommand* Add(CommandQueue* queue, CommandKind kind = CommandKind::kDevice,
                   std::vector<Command*> waits = {}, Ordering ordering = Ordering::kWaitList,
                   bool is_barrier = false) {
    TestCommand* command = New(queue, kind);
    graph_.Enqueue(command, waits, ordering, is_barrier);
    return command;
  }
  TestCommand* AddUserEvent() { return Add(nullptr, CommandKind::kHost); }
  void End(Command* command, int32_t status = kStatusComplete) {
    graph_.OnDeviceDone(command, status, {0, 0, 1000, 3000});
  }
  int32_t StatusOf(const Command* command) { return sink_.events[command->event_slot]; }

  FakeDevice device_;
  RecordingSink sink_;
  FakeLease lease_;
  ManualClock clock_;
  int wakes_ = 0;
  int alive_ = 0;
  uint64_t next_ = 1;
  Graph graph_;
  CommandQueue in_order_, other_, out_of_order_;
  std::vector<Command*> kept_;
};

TEST_F(GraphTest, InOrderCommandsAreSubmittedAheadOfEachOthersEnd) {
  Add(&in_order_);
  Add(&in_order_);
  Add(&in_order_);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1, 2, 3));
  EXPECT_THAT(device_.submitted[2].waits, IsEmpty());
}

TEST_F(GraphTest, QueueReportsTheSequenceUpToWhichAllIsDone) {
  Command* first = Add(&in_order_);
  Command* second = Add(&in_order_);
  End(first);
  EXPECT_EQ(sink_.queue_done[100], 1u);
  End(second);
  EXPECT_EQ(sink_.queue_done[100], 2u);
}

TEST_F(GraphTest, OutOfOrderQueueReportsOnlyWhatHasNoGap) {
  Command* first = Add(&out_of_order_);
  Command* second = Add(&out_of_order_);
  Command* third = Add(&out_of_order_);
  End(second);
  EXPECT_FALSE(sink_.queue_done.contains(101));
  End(first);
  EXPECT_EQ(sink_.queue_done[101], 2u);
  End(third);
  EXPECT_EQ(sink_.queue_done[101], 3u);
}

TEST_F(GraphTest, WaitListOfAnotherQueueGoesToTheDriver) {
  Command* first = Add(&other_);
  Add(&in_order_, CommandKind::kDevice, {first});
  ASSERT_EQ(device_.submitted.size(), 2u);
  EXPECT_THAT(device_.submitted[1].waits, ElementsAre(first));
}

TEST_F(GraphTest, EndedCommandsAreNoNativeWaits) {
  Command* first = Add(&other_);
  End(first);
  Add(&in_order_, CommandKind::kDevice, {first});
  EXPECT_THAT(device_.submitted[1].waits, IsEmpty());
}

TEST_F(GraphTest, UserEventHoldsBackItsQueueAndReleasesIt) {
  Command* user = AddUserEvent();
  Add(&in_order_, CommandKind::kDevice, {user});
  Add(&in_order_);
  EXPECT_THAT(device_.submitted, IsEmpty());
  graph_.EndHost(user, kStatusComplete);
  EXPECT_THAT(device_.Sequences(), ElementsAre(2, 3));
}

TEST_F(GraphTest, FailedUserEventFailsItsDependentsAndNotTheirSuccessors) {
  Command* user = AddUserEvent();
  Command* dependent = Add(&in_order_, CommandKind::kDevice, {user});
  Command* second_dependent = Add(&out_of_order_, CommandKind::kDevice, {dependent});
  Add(&in_order_);
  graph_.EndHost(user, -7);
  EXPECT_EQ(StatusOf(user), -7);
  EXPECT_EQ(StatusOf(dependent), kDependencyFailed);
  EXPECT_EQ(StatusOf(second_dependent), kDependencyFailed);
  EXPECT_THAT(device_.Sequences(), ElementsAre(4));
}

TEST_F(GraphTest, CommandThatWaitsForAFailedEventFailsAtOnce) {
  Command* user = AddUserEvent();
  graph_.EndHost(user, -7);
  Command* late = Add(&in_order_, CommandKind::kDevice, {user});
  EXPECT_EQ(StatusOf(late), kDependencyFailed);
  EXPECT_EQ(sink_.queue_done[100], late->sequence);
}

TEST_F(GraphTest, DependencyThatFailsOnTheDeviceBeforeSubmissionFailsTheWaiter) {
  lease_.room = 1;
  lease_.give_room_back = false;
  Command* first = Add(&other_);
  Command* waiter = Add(&in_order_, CommandKind::kDevice, {first});
  End(first, -5);
  lease_.room = 1;
  graph_.Pump();
  EXPECT_EQ(StatusOf(waiter), kDependencyFailed);
  EXPECT_EQ(lease_.abandoned, 1);
}

TEST_F(GraphTest, FailureWithoutEventSticksToTheQueue) {
  TestCommand* command = New(&in_order_, CommandKind::kDevice, false);
  graph_.Enqueue(command, {}, Ordering::kWaitList, false);
  End(command, -5);
  EXPECT_EQ(sink_.queue_error[100], -5);
  Command* with_event = Add(&in_order_);
  End(with_event, -6);
  EXPECT_EQ(sink_.queue_error[100], -5);
}

TEST_F(GraphTest, RefusedByTheDriverEndsWithItsError) {
  device_.fail_with = -54;
  Command* command = Add(&in_order_);
  EXPECT_EQ(StatusOf(command), -54);
  EXPECT_EQ(lease_.abandoned, 1);
  EXPECT_EQ(sink_.queue_done[100], 1u);
}

TEST_F(GraphTest, MarkerEndsWithWhatIsBeforeIt) {
  Command* first = Add(&in_order_);
  Command* marker = Add(&in_order_, CommandKind::kOrder, {}, Ordering::kAllBefore);
  Add(&in_order_);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1, 3)) << "a marker is no obstacle";
  EXPECT_FALSE(sink_.events.contains(marker->event_slot));
  End(first);
  EXPECT_EQ(StatusOf(marker), kStatusComplete);
}

TEST_F(GraphTest, MarkerWithAWaitListHoldsItsInOrderQueue) {
  Command* user = AddUserEvent();
  Add(&in_order_, CommandKind::kOrder, {user});
  Add(&in_order_);
  EXPECT_THAT(device_.submitted, IsEmpty());
  graph_.EndHost(user, kStatusComplete);
  EXPECT_THAT(device_.Sequences(), ElementsAre(3));
}

TEST_F(GraphTest, OutOfOrderMarkerWaitsForAllBeforeAndHoldsNothing) {
  Command* first = Add(&out_of_order_);
  Command* second = Add(&out_of_order_);
  Command* marker = Add(&out_of_order_, CommandKind::kOrder, {}, Ordering::kAllBefore);
  Add(&out_of_order_);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1, 2, 4));
  End(second);
  EXPECT_FALSE(sink_.events.contains(marker->event_slot));
  End(first);
  EXPECT_EQ(StatusOf(marker), kStatusComplete);
}

TEST_F(GraphTest, OutOfOrderBarrierHoldsWhatComesAfter) {
  Command* first = Add(&out_of_order_);
  Command* barrier = Add(&out_of_order_, CommandKind::kOrder, {}, Ordering::kAllBefore, true);
  Add(&out_of_order_);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1));
  End(first);
  EXPECT_EQ(StatusOf(barrier), kStatusComplete);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1, 3));
}

TEST_F(GraphTest, LongChainOfMarkersEndsWithoutRecursion) {
  Command* user = AddUserEvent();
  Command* last = user;
  for (int i = 0; i < 200'000; ++i) {
    last = Add(&out_of_order_, CommandKind::kOrder, {last});
  }
  graph_.EndHost(user, kStatusComplete);
  EXPECT_EQ(StatusOf(last), kStatusComplete);
}

TEST_F(GraphTest, HostAccessRunsWhenItsQueueIsDoneAndHoldsIt) {
  Command* kernel = Add(&in_order_);
  Command* access = Add(&in_order_, CommandKind::kHost);
  Add(&in_order_);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1));
  End(kernel);
  EXPECT_EQ(StatusOf(access), kStatusRunning);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1));
  graph_.EndHost(access, kStatusComplete);
  EXPECT_EQ(StatusOf(access), kStatusComplete);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1, 3));
}

TEST_F(GraphTest, HostAccessEndedBeforeItBeganEndsWhenItBegins) {
  Command* kernel = Add(&in_order_);
  Command* access = Add(&in_order_, CommandKind::kHost);
  graph_.EndHost(access, kStatusComplete);
  EXPECT_FALSE(sink_.events.contains(access->event_slot));
  End(kernel);
  EXPECT_EQ(StatusOf(access), kStatusComplete);
}

TEST_F(GraphTest, EndingTwiceChangesNothing) {
  Command* user = AddUserEvent();
  graph_.EndHost(user, -1);
  graph_.EndHost(user, kStatusComplete);
  EXPECT_EQ(StatusOf(user), -1);
}

TEST_F(GraphTest, NothingIsSubmittedWithoutALease) {
  lease_.room = 0;
  lease_.give_room_back = false;
  Add(&in_order_);
  Add(&in_order_);
  EXPECT_THAT(device_.submitted, IsEmpty());
  lease_.room = 1;
  graph_.Pump();
  EXPECT_THAT(device_.Sequences(), ElementsAre(1));
}

TEST_F(GraphTest, TheEndOfACommandLetsTheNextIn) {
  lease_.room = 1;
  Command* first = Add(&in_order_);
  Add(&in_order_);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1));
  End(first);
  EXPECT_THAT(device_.Sequences(), ElementsAre(1, 2));
  EXPECT_EQ(lease_.busy_ns, 2000);
}

TEST_F(GraphTest, RefusedHeadIsNotTriedAgainForEveryNewCommand) {
  lease_.room = 0;
  Add(&in_order_);
  const size_t tries = lease_.predictions.size();
  Add(&other_);
  Add(&in_order_);
  EXPECT_EQ(lease_.predictions.size(), tries);
}

TEST_F(GraphTest, PredictionIsWhatWasLearnedLast) {
  TestCommand* command = Add(&in_order_);
  End(command);
  EXPECT_EQ(command->learned_ns, 2000);
}

TEST_F(GraphTest, LaneIsIdleWhenNothingIsReady) {
  Add(&in_order_);
  EXPECT_GT(lease_.idle, 0);
}

TEST_F(GraphTest, StartIsReportedToTheLease) {
  lease_.report_start = true;
  Add(&in_order_);
  EXPECT_TRUE(device_.reported_start);
  graph_.OnDeviceStarted(0);
  EXPECT_EQ(lease_.started, 1);
}

TEST_F(GraphTest, CommandsThatEndDuringSubmissionAreHandled) {
  device_.end_at_once = true;
  Command* first = Add(&in_order_);
  Command* second = Add(&in_order_);
  EXPECT_EQ(StatusOf(first), kStatusComplete);
  EXPECT_EQ(StatusOf(second), kStatusComplete);
  EXPECT_FALSE(graph_.Busy());
}

TEST_F(GraphTest, FailureWithoutCallbackIsFound) {
  Command* command = Add(&in_order_);
  graph_.CheckFailed();
  EXPECT_TRUE(graph_.Busy());
  device_.lost.insert(command);
  graph_.CheckFailed();
  EXPECT_EQ(StatusOf(command), -5);
  EXPECT_FALSE(graph_.Busy());
  graph_.OnDeviceDone(command, kStatusComplete, {});  // the callback that came after all
  EXPECT_EQ(StatusOf(command), -5);
  command->Drop();  // kept for good in a real session
}

TEST_F(GraphTest, ForgottenSlotsAreNotWritten) {
  Command* command = Add(&in_order_);
  const uint32_t slot = command->event_slot;
  graph_.ForgetSlot(command);
  End(command);
  EXPECT_EQ(sink_.events[slot], kStatusSubmitted);
}

TEST_F(GraphTest, EngineIsWokenOnlyForWhatItMustDo) {
  Command* first = Add(&in_order_);
  End(first);
  EXPECT_EQ(wakes_, 0);
  graph_.WatchEnds(true);
  Command* second = Add(&in_order_);
  End(second);
  EXPECT_EQ(wakes_, 1);
}

TEST_F(GraphTest, EngineIsWokenWhenADeadlineMovesForward) {
  EXPECT_EQ(graph_.Deadline().value, INT64_MAX);  // nothing to be on time for
  lease_.deadline_ns = 500;
  Command* first = Add(&in_order_);
  const int wakes = wakes_;
  EXPECT_GT(wakes, 0);
  End(first);
  EXPECT_EQ(wakes_, wakes) << "the same deadline needs no second call";
}

TEST_F(GraphTest, WaitersOfACommandThatTheDriverRefusesGoOn) {
  device_.fail_with = -5;
  Command* refused = Add(&in_order_);
  device_.fail_with = 0;
  Add(&in_order_);
  EXPECT_EQ(StatusOf(refused), -5);
  EXPECT_THAT(device_.Sequences(), ElementsAre(2));
}

}  // namespace
}  // namespace flexai::executor
