// One command of an application, from its frame to its end.
//
// Ownership: counted references. The graph holds one from Enqueue until the command was harvested; an event
// of the application and every command that waits for it hold one each. Thread safety: references are taken
// and dropped by the engine's thread only; everything else belongs to the graph and is touched under its
// lock, apart from `times` and `status` between submission and OnDeviceDone, which belong to the driver's
// callback.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/units.h"
#include "wire/layout.h"
#include "wire/server_channel.h"

namespace flexai::executor {

struct CommandQueue;

enum class CommandKind : uint8_t {
  kDevice,  // runs on the device, under a lease
  kOrder,   // a marker or barrier: ends by itself when everything it waits for has ended
  kHost,    // begins when everything it waits for has ended; ends when the application says so
};

enum class CommandState : uint8_t {
  kPending,    // waits for other commands
  kReady,      // waits for a lease
  kSubmitted,  // with the driver
  kRunning,    // kHost only
  kDone,
};

// Status values of events: OpenCL's, which StatusSlot carries.
inline constexpr int32_t kStatusQueued = 3;
inline constexpr int32_t kStatusSubmitted = 2;
inline constexpr int32_t kStatusRunning = 1;
inline constexpr int32_t kStatusComplete = 0;

class Command {
 public:
  explicit Command(CommandKind command_kind) : kind(command_kind) {}
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  virtual ~Command();

  // How long the command is expected to keep the device busy; 0 if nothing is known.
  virtual Nanos Predict() const { return {0}; }
  // How long it did.
  virtual void Learn(Nanos /*busy*/) {}
  // The command has ended and nothing asks for more than its status: drops what only its execution needed.
  // On the engine's thread.
  virtual void DropWork() {}

  void Keep() { ++references_; }
  void Drop() {
    if (--references_ == 0) {
      delete this;
    }
  }

  bool done() const { return state == CommandState::kDone; }
  // Submitted, not known to be done, and not the graph's own.
  bool on_device() const { return kind == CommandKind::kDevice && state == CommandState::kSubmitted; }

  struct Edge {
    Command* waiter;
    bool until_done;   // else until the command is submitted
    bool is_explicit;  // named in the wait list: a failure passes on
  };

  const CommandKind kind;
  CommandState state = CommandState::kPending;
  bool dependency_failed = false;
  bool end_early = false;  // kHost: the application ended it before it began
  bool has_event = false;
  int32_t status = kStatusQueued;
  uint32_t event_slot = wire::kNoSlot;
  uint32_t blockers = 0;        // edges from others that are not resolved
  uint32_t explicit_waits = 0;  // those of them that are explicit
  uint64_t sequence = 0;
  CommandQueue* queue = nullptr;  // null: a user event
  Nanos predicted{};
  wire::CommandTimes times;  // device clock

  std::vector<Edge> waiters;      // who waits for this
  std::vector<Command*> awaited;  // the wait list, a reference each

  Command* next_in_queue = nullptr;
  Command* previous_in_queue = nullptr;
  Command* next_open = nullptr;  // of all that have not ended
  Command* previous_open = nullptr;
  Command* next_on_device = nullptr;
  Command* previous_on_device = nullptr;
  Command* next_in_list = nullptr;       // of completed, then of retired commands
  std::atomic<bool> end_claimed{false};  // by the driver's callback, or by the search for lost callbacks

 private:
  uint32_t references_ = 0;
};

// What the graph keeps of a queue. Belongs to the queue's object, which outlives its commands.
struct CommandQueue {
  void* native = nullptr;  // the driver's handle, for the device layer
  bool in_order = true;
  uint32_t lane = 0;
  uint32_t slot = wire::kNoSlot;  // its StatusSlot
  uint64_t last_sequence = 0;     // of its last command
  Command* first = nullptr;       // commands that have not ended, in order
  Command* last = nullptr;
  Command* barrier = nullptr;  // out-of-order: the last barrier that has not ended
  bool unflushed = false;
};

}  // namespace flexai::executor
