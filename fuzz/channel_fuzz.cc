// A hostile shim: arbitrary bytes as the ring of a channel. The first 8 bytes choose how much of it is
// "written".
#include <cstring>

#include "os/memory.h"
#include "wire/server_channel.h"

using flexai::wire::Frame;
using flexai::wire::Geometry;
using flexai::wire::ServerChannel;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Geometry geometry = {.ring_bytes = 1u << 16, .reply_slots = 4, .status_slots = 16};
  static const flexai::os::UniqueFd fd = *flexai::os::CreateSealedMemfd("fuzz", geometry.channel_bytes());
  static const flexai::os::Mapping memory =
      *flexai::os::Mapping::Map(fd, geometry.channel_bytes(), flexai::os::Mapping::Access::kReadWrite);
  if (size < 8) {
    return 0;
  }
  uint64_t head = 0;
  std::memcpy(&head, data, 8);
  ServerChannel::Initialize(memory.span(), geometry, 1);
  ServerChannel server(memory.span(), geometry, 1);
  const size_t bytes = size - 8 < geometry.ring_bytes ? size - 8 : geometry.ring_bytes;
  std::memcpy(memory.data() + geometry.ring_offset(), data + 8, bytes);
  reinterpret_cast<flexai::wire::ChannelHeader*>(memory.data())->head.store(head);
  Frame frame;
  for (;;) {
    const flexai::Result<bool> got = server.Next(&frame);
    if (!got.ok() || !*got) {
      return 0;
    }
    server.Reply(frame.header, 0, frame.body);
    server.PublishEvent(frame.header.reply_slot, -1);
    server.DropKeptReply(frame.header.reply_slot);
    server.Consumed();
  }
}
