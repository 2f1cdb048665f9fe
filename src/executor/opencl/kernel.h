// Kernel objects and their arguments.
//
// OpenCL copies a kernel's arguments at enqueue; a command of ours may reach the driver much later. So
// arguments are kept here, a command takes a snapshot (shared until the next change), and the native kernel
// is brought up to a snapshot just before the native enqueue, argument by argument where it differs.
//
// Thread safety: the engine's thread, apart from Apply and Try, which run under the graph's lock on any
// thread.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "executor/opencl/objects.h"

namespace flexai::executor::opencl {

// SetKernelArg::kind
enum class ArgKind : uint32_t {
  kBytes = 0,
  kMemory = 1,
  kSampler = 2,
  kQueue = 3,
  kLocal = 4,
  kSvmPointer = 5,
  kNull = 6,
};

// A value that may be larger than what fits the object itself.
class ArgValue {
 public:
  void Set(const void* data, size_t bytes);
  const void* data() const { return large_.empty() ? small_.data() : large_.data(); }

 private:
  std::array<std::byte, 32> small_{};
  std::vector<std::byte> large_;
};

struct KernelArg {
  uint64_t version = 0;  // of all settings of this kernel; 0: never set
  ArgKind kind = ArgKind::kBytes;
  uint64_t size = 0;
  uint64_t object = 0;  // kMemory, kSampler, kQueue; whether it still exists is checked at enqueue
  ArgValue value;       // plain bytes, the native handle, or the pointer
};

// A snapshot of all arguments: a counted reference, copied in O(1). It is not changed while somebody shares
// it. Thread safety: distinct KernelArgs may be used from distinct threads.
class KernelArgs {
 public:
  KernelArgs() = default;
  explicit KernelArgs(size_t count) : table_(new Table{1, std::vector<KernelArg>(count)}) {}
  KernelArgs(const KernelArgs& other) : table_(other.table_) {
    if (table_ != nullptr) {
      table_->holders.fetch_add(1, std::memory_order_relaxed);
    }
  }
  KernelArgs& operator=(const KernelArgs&) = delete;
  ~KernelArgs() { Reset(); }

  void Reset() {
    if (table_ != nullptr && table_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete table_;
    }
    table_ = nullptr;
  }
  size_t size() const { return table_ != nullptr ? table_->args.size() : 0; }
  const KernelArg& operator[](size_t i) const { return table_->args[i]; }
  // The argument to be changed, in a table of our own.
  KernelArg& Change(size_t i) {
    if (table_->holders.load(std::memory_order_acquire) != 1) {
      auto* own = new Table{1, table_->args};
      Reset();
      table_ = own;
    }
    return table_->args[i];
  }

 private:
  struct Table {
    std::atomic<uint32_t> holders;
    std::vector<KernelArg> args;
  };
  Table* table_ = nullptr;
};

class Kernel final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kKernel; }
  Kernel(Runtime& runtime, uint64_t id, cl_kernel native, std::string name, Ref<Program> program);

  cl_kernel native() const { return native_; }
  const std::string& name() const { return name_; }
  Program& program() const { return *program_; }
  KernelCost& cost() const { return *cost_; }

  // Records an argument; false if the kernel has none of that index.
  bool Set(uint32_t index, KernelArg arg);
  // The arguments as they are now.
  const KernelArgs& args() const { return args_; }
  void CopyArgs(const Kernel& from);
  // Asks the driver whether it takes the argument; the native kernel has it afterwards. Under the graph's
  // lock.
  cl_int Try(uint32_t index, const KernelArg& arg);
  // Makes the native kernel's arguments those of the snapshot.
  cl_int Apply(const KernelArgs& args);

 private:
  ~Kernel() override;
  cl_int ApplyOne(cl_uint index, const KernelArg& arg) const;

  const cl_kernel native_;
  const std::string name_;
  const Ref<Program> program_;
  const std::shared_ptr<KernelCost> cost_;
  KernelArgs args_;
  uint64_t next_version_ = 1;
  std::vector<uint64_t> applied_;  // versions that the native kernel has
};

}  // namespace flexai::executor::opencl
