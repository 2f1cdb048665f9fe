// A driver for tests that computes nothing and forgives nothing: it follows every handle it is given, so that
// a sanitizer sees one that was released, and counts those that live.
//
// Commands end when their queue is flushed. Thread safety: none; one session at a time, on one thread.
#pragma once

#include <string_view>

#include "device/opencl/icd.h"

namespace flexai::executor::opencl {

// A platform with one device.
device::opencl::Platform FakePlatform();
cl_device_id FakeDevice();
// Handles that were made and not released, platform and device apart.
int FakeHandles();
// The source that the driver refuses to make a program of.
inline constexpr std::string_view kRefusedSource = "refused";

}  // namespace flexai::executor::opencl
