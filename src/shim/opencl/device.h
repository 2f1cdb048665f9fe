// Devices as the shim keeps them.
#pragma once

#include "api/opencl/session_info.h"
#include "shim/opencl/objects.h"

namespace flexai::shim {

// Makes `device` one of `session`, as the session's description says, with the values that checks need.
void DescribeRootDevice(Session* session, const opencl::DeviceInfo& info, Device* device);

}  // namespace flexai::shim
