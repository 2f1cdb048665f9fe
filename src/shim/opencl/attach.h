// The attach conversation with flexaid (wire/attach.h).
#pragma once

#include "shim/opencl/session.h"

namespace flexai::shim {

// A connection to flexaid at FLEXAI_ATTACH_SOCKET, for the vXPUs of FLEXAI_VXPUS.
class AttachConnection {
 public:
  AttachConnection() = default;
  AttachConnection(const AttachConnection&) = delete;
  AttachConnection& operator=(const AttachConnection&) = delete;
  ~AttachConnection();

  // Connects, trying for up to `patience_ms` while the daemon is down, and asks how many sessions there are.
  // 0 on every failure.
  unsigned Connect(int64_t patience_ms);
  // Opens session `index`; false on every failure.
  bool Open(unsigned index, Attachment* attachment);

 private:
  bool Dial(int64_t deadline_ms);
  // Asks, and where the daemon goes away in the middle asks the one that comes after it.
  bool Exchange(uint32_t op, unsigned index, struct AttachAnswer* answer);
  bool ExchangeOnce(uint32_t op, unsigned index, struct AttachAnswer* answer, bool* gone);

  int socket_ = -1;
  int64_t patience_ms_ = 0;
};

// Unmaps and closes what Open gave.
void Discard(const Attachment& attachment);

}  // namespace flexai::shim
