// A stand-in for flexai-executor where no vendor library is wanted: it speaks the keeper's protocol and the
// lease pages like the real one, and its device is a thread that sleeps. Ordered about by the test over the
// arena.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "keeper/orders.h"
#include "os/futex.h"
#include "os/memory.h"
#include "os/monotonic_clock.h"
#include "os/socket.h"
#include "share/executor_start.h"
#include "share/lease_client.h"

namespace {

using flexai::Nanos;
using flexai::Result;
using flexai::Status;
using flexai::keeper_test::Mode;
using flexai::keeper_test::Orders;
namespace os = flexai::os;
namespace share = flexai::share;

[[noreturn]] void Fail(const Status& status) {
  std::fprintf(stderr, "fake executor: %s\n", status.message().c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    Fail(result.status());
  }
  return *std::move(result);
}

class FakeExecutor {
 public:
  FakeExecutor(std::unique_ptr<share::LeaseClient> lease, os::Mapping arena, os::Mapping own)
      : lease_(std::move(lease)), arena_(std::move(arena)), own_(std::move(own)) {}

  [[noreturn]] void Run() {
    orders().charge_code.store(-1);
    orders().started.store(1);
    for (;;) {
      Step();
    }
  }

 private:
  Orders& orders() { return *reinterpret_cast<Orders*>(arena_.data()); }

  void Step() {
    if (const int64_t bytes = orders().charge_bytes.exchange(0); bytes != 0) {
      orders().charge_code.store(static_cast<int32_t>(lease_->Charge(0, bytes).code()));
    }
    const auto words = lease_->WakeWords();
    const os::FutexCondition conditions[] = {
        {words[0], words[0]->load()}, {words[1], words[1]->load()}, {&orders().mode, orders().mode.load()}};
    switch (static_cast<Mode>(orders().mode.load())) {
      case Mode::kIdle:
        lease_->Idle(0);
        break;
      case Mode::kRun:
        if (RunCommand(orders().command_ns.load())) {
          return;
        }
        break;
      case Mode::kHang:
        Hang();
        break;
      case Mode::kCrash:
        std::abort();
      case Mode::kLie:
        reinterpret_cast<share::OwnPage*>(own_.data())->lanes[0].lease_done.store(1u << 30);
        static_cast<void>(lease_->TryEnter(0, Nanos{0}));
        break;
      case Mode::kStay:
        static_cast<void>(lease_->TryEnter(0, Nanos{1000}));
        break;
    }
    const int64_t left = lease_->Deadline().value - clock_.Now().value;
    if (left <= 0) {
      lease_->OnDeadline();
      return;
    }
    constexpr int64_t kLookAgain = 20'000'000;  // charges ring no word
    os::FutexWaitAny(conditions, 3, std::min(left, kLookAgain));
  }

  bool RunCommand(int64_t length_ns) {
    const Nanos predicted{length_ns};
    const share::Entry entry = lease_->TryEnter(0, predicted);
    if (entry == share::Entry::kNo) {
      return false;
    }
    const Nanos start = clock_.Now();
    if (entry == share::Entry::kYesReportStart) {
      lease_->Started(0, start);
    }
    std::this_thread::sleep_for(std::chrono::nanoseconds(length_ns));
    static_cast<void>(lease_->Finished(0, predicted, start, clock_.Now()));
    orders().finished.fetch_add(1);
    return true;
  }

  void Hang() {
    if (lease_->TryEnter(0, Nanos{0}) == share::Entry::kNo) {
      return;
    }
    lease_->Started(0, clock_.Now());
    for (;;) {
      orders().finished.fetch_add(1);  // shows that it is not frozen
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::unique_ptr<share::LeaseClient> lease_;
  os::Mapping arena_, own_;
  os::MonotonicClock clock_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || std::strcmp(argv[1], "--session") != 0 || std::strcmp(argv[2], "--sandbox") != 0) {
    return 2;
  }
  for (const std::string& sentence : Must(os::EnterSandbox(Must(share::DecodeSandbox(argv[3]))))) {
    std::fprintf(stderr, "%s\n", sentence.c_str());
  }
  if (std::getenv("FLEXAI_FAKE_FAILS") != nullptr) {
    const os::PacketSocket control{os::UniqueFd(share::kControlFd)};
    static_cast<void>(control.Send(share::FailedMessage("this platform is broken")));
    return 1;
  }
  const os::PacketSocket control{os::UniqueFd(share::kControlFd)};
  if (!control.Send(share::ReadyMessage()).ok()) {
    return 1;
  }
  Result<os::Packet> packet = control.Receive();
  if (!packet.ok()) {
    return 0;  // the keeper ended, or had no use for a spare
  }
  const share::ExecutorStart start = Must(share::DecodeStart(packet->text()));
  if (packet->fds.size() != share::kStartFdCount) {
    return 3;
  }
  os::Mapping arena = Must(os::Mapping::Map(packet->fds[share::kFdArena], flexai::keeper_test::kArenaBytes,
                                            os::Mapping::Access::kReadWrite));
  os::Mapping own = Must(os::Mapping::Map(packet->fds[share::kFdOwnPage], sizeof(share::OwnPage),
                                          os::Mapping::Access::kReadWrite));
  static const os::MonotonicClock clock;
  auto lease = Must(share::LeaseClient::Open(
      {std::move(packet->fds[share::kFdOwnPage]), std::move(packet->fds[share::kFdGrantPage]),
       std::move(packet->fds[share::kFdBoardPage]), std::move(packet->fds[share::kFdDoorbell])},
      clock));
  std::fprintf(stderr, "session %llu began\n", static_cast<unsigned long long>(start.session));
  // The end of the keeper is the end of us, also while a command runs.
  std::thread([&control] {
    while (control.Receive().ok()) {
    }
    std::_Exit(0);
  }).detach();
  FakeExecutor(std::move(lease), std::move(arena), std::move(own)).Run();
}
