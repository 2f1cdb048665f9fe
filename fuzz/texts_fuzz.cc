// Texts from other processes: API requests, reports of a keeper, the probe's inventory, and start messages of
// executors. And texts of people: time windows.
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/json.h"
#include "node/inventory.h"
#include "node/vxpu.h"
#include "placement/time_window.h"
#include "share/executor_start.h"

using namespace flexai;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(node::ParseVxpuRequest(text));
  static_cast<void>(node::ParseVxpuChange(text));
  static_cast<void>(node::ParseProbe(text));
  static_cast<void>(share::DecodeStart(text));
  static_cast<void>(share::DecodeReady(text));
  static_cast<void>(share::DecodeSandbox(text));
  const nlohmann::json json = ParseJson(text);
  static_cast<void>(node::ParseVxpu(json));
  static_cast<void>(node::ParseSession(json));
  const Result<placement::TimeWindow> window = placement::TimeWindow::Parse(text);
  if (window.ok() && *placement::TimeWindow::Parse(window->Text()) != *window) {
    __builtin_trap();
  }
  return 0;
}
