// How the executor describes to a shim what never changes: a session's platform and devices (reply of
// OpenSession), the kernels of a program (DescribeProgram) and one kernel (CreateKernel).
// session_info_writer.h makes these bytes; this header reads them in place and uses nothing of a C++ library
// at run time. docs/formats/session-info.md describes them.
//
// Everything is little endian and aligned to 8 bytes from the start of the description:
//   table    u32 count, u32 bytes of the entries; entries: u32 parameter, u32 length, bytes padded to 8
//   string   u32 length, u32 0, bytes padded to 8; no terminating NUL
//   session  table platform; u32 device count, u32 0; per device: u64 object id, u32 flags, u32 0, table
//   kernel   u32 argument count, u32 0; per argument: u32 present, u32 address qualifier, u32 access
//   qualifier,
//            u32 0, u64 type qualifier, string type name, string name;
//            string attributes; u32 device count, u32 0; per device: u64 object id, table
//   program  u32 kernel count, u32 0; per kernel: string name, string whose bytes are a kernel
// A table's values are what clGet*Info returns to the application for the parameter, byte for byte: the
// driver's, but for memory sizes (the quota), capabilities and extensions that can't be forwarded. Values
// that are handles are left out.
//
// Errors: a reader never reads outside its bytes. On a malformed description it turns to !ok() and from then
// on every read gives zeros and empty ranges; check ok() once at the end. Thread safety: values. Ownership:
// what is read points into the description, which must stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace flexai::opencl {

// DeviceInfo::flags
inline constexpr uint32_t kDeviceUnifiedMemory =
    1;  // a CPU, which shares memory with the host: buffers live in the arena
inline constexpr uint32_t kDeviceSvm = 2;  // takes pointers into the arena as SVM

// Bytes inside the description.
struct InfoBytes {
  const std::byte* data = nullptr;
  uint32_t length = 0;
};

// A forward reader of aligned fields.
class InfoCursor {
 public:
  InfoCursor() = default;
  InfoCursor(const std::byte* data, size_t length) : at_(data), left_(length) {}

  bool ok() const { return ok_; }
  const std::byte* at() const { return at_; }
  size_t left() const { return left_; }

  uint32_t U32() { return Number<uint32_t>(); }
  uint64_t U64() { return Number<uint64_t>(); }

  // `length` bytes and their padding.
  InfoBytes Take(uint32_t length) {
    const size_t padded = (size_t{length} + 7) & ~size_t{7};
    if (!ok_ || padded > left_) {
      return Fail();
    }
    const InfoBytes taken{at_, length};
    at_ += padded;
    left_ -= padded;
    return taken;
  }
  InfoBytes String() {
    const uint32_t length = U32();
    U32();
    return Take(length);
  }

 private:
  template <typename T>
  T Number() {
    T value = 0;
    if (!ok_ || left_ < sizeof(T)) {
      Fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    left_ -= sizeof(T);
    return value;
  }
  InfoBytes Fail() {
    ok_ = false;
    left_ = 0;
    return {};
  }

  const std::byte* at_ = nullptr;
  size_t left_ = 0;
  bool ok_ = true;
};

// The values of one object by parameter.
class InfoTable {
 public:
  InfoTable() = default;

  static InfoTable Read(InfoCursor& from) {
    InfoTable table;
    table.count_ = from.U32();
    const InfoBytes entries = from.Take(from.U32());
    table.entries_ = entries;
    if (!from.ok()) {
      table.count_ = 0;
    }
    return table;
  }

  uint32_t count() const { return count_; }

  // The value of `parameter`; false if the description has none.
  bool Find(uint32_t parameter, InfoBytes* value) const {
    InfoCursor cursor(entries_.data, entries_.length);
    for (uint32_t i = 0; i < count_; ++i) {
      const uint32_t key = cursor.U32();
      const InfoBytes bytes = cursor.Take(cursor.U32());
      if (!cursor.ok()) {
        return false;
      }
      if (key == parameter) {
        *value = bytes;
        return true;
      }
    }
    return false;
  }

 private:
  uint32_t count_ = 0;
  InfoBytes entries_;
};

struct DeviceInfo {
  uint64_t id = 0;
  uint32_t flags = 0;
  InfoTable values;
};

// OpenSession: platform first, then the devices one by one.
class SessionInfo {
 public:
  SessionInfo(const std::byte* data, size_t length) : cursor_(data, length) {
    platform_ = InfoTable::Read(cursor_);
    device_count_ = cursor_.U32();
    cursor_.U32();
  }

  bool ok() const { return cursor_.ok(); }
  const InfoTable& platform() const { return platform_; }
  uint32_t device_count() const { return ok() ? device_count_ : 0; }
  // To be called device_count() times.
  DeviceInfo NextDevice() {
    DeviceInfo device;
    device.id = cursor_.U64();
    device.flags = cursor_.U32();
    cursor_.U32();
    device.values = InfoTable::Read(cursor_);
    return device;
  }

 private:
  InfoCursor cursor_;
  InfoTable platform_;
  uint32_t device_count_ = 0;
};

// What clGetKernelArgInfo answers; `present` false where the device keeps no argument information.
struct KernelArgument {
  bool present = false;
  uint32_t address_qualifier = 0;  // CL_KERNEL_ARG_ADDRESS_*
  uint32_t access_qualifier = 0;   // CL_KERNEL_ARG_ACCESS_*
  uint64_t type_qualifier = 0;     // CL_KERNEL_ARG_TYPE_* bits
  InfoBytes type_name;             // without NUL
  InfoBytes name;                  // without NUL
};

struct KernelDevice {
  uint64_t id = 0;
  InfoTable values;  // of clGetKernelWorkGroupInfo
};

// One kernel, read in order: all arguments, then attributes(), then all devices. Skip() reads what is left.
class KernelInfo {
 public:
  KernelInfo(const std::byte* data, size_t length) : KernelInfo(InfoCursor(data, length)) {}
  explicit KernelInfo(InfoCursor from) : cursor_(from) {
    argument_count_ = cursor_.U32();
    cursor_.U32();
  }

  bool ok() const { return cursor_.ok(); }
  uint32_t argument_count() const { return ok() ? argument_count_ : 0; }
  // To be called argument_count() times.
  KernelArgument NextArgument() {
    KernelArgument argument;
    argument.present = cursor_.U32() != 0;
    argument.address_qualifier = cursor_.U32();
    argument.access_qualifier = cursor_.U32();
    cursor_.U32();
    argument.type_qualifier = cursor_.U64();
    argument.type_name = cursor_.String();
    argument.name = cursor_.String();
    return argument;
  }
  // To be called once, after the arguments: CL_KERNEL_ATTRIBUTES without NUL.
  InfoBytes Attributes() {
    const InfoBytes attributes = cursor_.String();
    device_count_ = cursor_.U32();
    cursor_.U32();
    return attributes;
  }
  // Known after Attributes().
  uint32_t device_count() const { return ok() ? device_count_ : 0; }
  KernelDevice NextDevice() {
    KernelDevice device;
    device.id = cursor_.U64();
    device.values = InfoTable::Read(cursor_);
    return device;
  }
  // Where the description ends, after the last device.
  const InfoCursor& cursor() const { return cursor_; }

 private:
  InfoCursor cursor_;
  uint32_t argument_count_ = 0;
  uint32_t device_count_ = 0;
};

// DescribeProgram: the kernels one by one.
class ProgramInfo {
 public:
  struct Kernel {
    InfoBytes name;         // without NUL
    InfoBytes description;  // bytes of a KernelInfo
  };

  ProgramInfo(const std::byte* data, size_t length) : cursor_(data, length) {
    kernel_count_ = cursor_.U32();
    cursor_.U32();
  }

  bool ok() const { return cursor_.ok(); }
  uint32_t kernel_count() const { return ok() ? kernel_count_ : 0; }
  // To be called kernel_count() times.
  Kernel NextKernel() {
    Kernel kernel;
    kernel.name = cursor_.String();
    kernel.description = cursor_.String();
    return kernel;
  }

 private:
  InfoCursor cursor_;
  uint32_t kernel_count_ = 0;
};

}  // namespace flexai::opencl
