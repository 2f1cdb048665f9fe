#include "api/opencl/session_info.h"

#include <gtest/gtest.h>

#include <string>

#include "api/opencl/session_info_writer.h"

namespace flexai::opencl {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string Text(InfoBytes bytes) { return {reinterpret_cast<const char*>(bytes.data), bytes.length}; }

InfoWriter TwoDevices() {
  InfoWriter writer;
  writer.BeginTable();
  writer.Value(0x0902, Bytes("a platform"));
  writer.EndTable();
  writer.U32(2);
  writer.U32(0);
  for (uint64_t id : {0x100u, 0x101u}) {
    writer.U64(id);
    writer.U32(kDeviceUnifiedMemory);
    writer.U32(0);
    writer.BeginTable();
    writer.Value(0x102B, Bytes("abc"));
    writer.Value(0x102C, Bytes(""));
    writer.EndTable();
  }
  return writer;
}

TEST(SessionInfo, ReadsWhatWasWritten) {
  const InfoWriter writer = TwoDevices();
  SessionInfo info(writer.bytes().data(), writer.bytes().size());
  InfoBytes value;
  ASSERT_TRUE(info.platform().Find(0x0902, &value));
  EXPECT_EQ(Text(value), "a platform");
  EXPECT_FALSE(info.platform().Find(1, &value));
  ASSERT_EQ(info.device_count(), 2u);
  for (uint64_t id : {0x100u, 0x101u}) {
    const DeviceInfo device = info.NextDevice();
    EXPECT_EQ(device.id, id);
    EXPECT_EQ(device.flags, kDeviceUnifiedMemory);
    ASSERT_TRUE(device.values.Find(0x102B, &value));
    EXPECT_EQ(Text(value), "abc");
    ASSERT_TRUE(device.values.Find(0x102C, &value));
    EXPECT_EQ(value.length, 0u);
  }
  EXPECT_TRUE(info.ok());
}

TEST(SessionInfo, EveryCutIsRefusedWithoutReadingOutside) {
  const InfoWriter writer = TwoDevices();
  for (size_t length = 0; length < writer.bytes().size(); ++length) {
    const std::vector<std::byte> cut(writer.bytes().begin(), writer.bytes().begin() + length);
    SessionInfo info(cut.data(), cut.size());
    for (uint32_t i = 0; i < 2; ++i) {
      InfoBytes value;
      info.NextDevice().values.Find(0x102B, &value);
    }
    EXPECT_FALSE(info.ok()) << length;
  }
}

TEST(SessionInfo, TableWhoseCountLiesFindsNothingBeyondItsBytes) {
  InfoWriter writer;
  writer.BeginTable();
  writer.Value(1, Bytes("x"));
  writer.EndTable();
  std::vector<std::byte> bytes = writer.Take();
  bytes[0] = std::byte{255};
  InfoCursor cursor(bytes.data(), bytes.size());
  const InfoTable table = InfoTable::Read(cursor);
  InfoBytes value;
  EXPECT_TRUE(table.Find(1, &value));
  EXPECT_FALSE(table.Find(2, &value));
}

TEST(KernelInfo, ReadsArgumentsAttributesAndDevices) {
  InfoWriter kernel;
  kernel.U32(1);
  kernel.U32(0);
  kernel.U32(1);
  kernel.U32(0x119B);
  kernel.U32(0x11A3);
  kernel.U32(0);
  kernel.U64(4);
  kernel.String("float*");
  kernel.String("data");
  kernel.String("reqd");
  kernel.U32(1);
  kernel.U32(0);
  kernel.U64(0x100);
  kernel.BeginTable();
  kernel.EndTable();
  InfoWriter program;
  program.U32(1);
  program.U32(0);
  program.String("sum");
  program.String({reinterpret_cast<const char*>(kernel.bytes().data()), kernel.bytes().size()});

  ProgramInfo info(program.bytes().data(), program.bytes().size());
  ASSERT_EQ(info.kernel_count(), 1u);
  const ProgramInfo::Kernel entry = info.NextKernel();
  EXPECT_EQ(Text(entry.name), "sum");
  KernelInfo read(entry.description.data, entry.description.length);
  ASSERT_EQ(read.argument_count(), 1u);
  const KernelArgument argument = read.NextArgument();
  EXPECT_TRUE(argument.present);
  EXPECT_EQ(argument.address_qualifier, 0x119Bu);
  EXPECT_EQ(argument.type_qualifier, 4u);
  EXPECT_EQ(Text(argument.type_name), "float*");
  EXPECT_EQ(Text(argument.name), "data");
  EXPECT_EQ(Text(read.Attributes()), "reqd");
  ASSERT_EQ(read.device_count(), 1u);
  EXPECT_EQ(read.NextDevice().id, 0x100u);
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(read.cursor().left(), 0u);
}

}  // namespace
}  // namespace flexai::opencl
