// Info values that the shim has no answer for: the executor is asked.
#pragma once

#include <cstddef>
#include <span>

#include "shim/opencl/info.h"
#include "shim/opencl/session.h"

namespace flexai::shim {

// The number of a function in the ICD dispatch table, as Query names it.
#define FLEXAI_FUNCTION_INDEX(name) static_cast<uint32_t>(offsetof(cl_icd_dispatch, name) / sizeof(void*))

// clGetKernelSuggestedLocalWorkSizeKHR is not in the table: it has the number after the last one.
#define FLEXAI_SUGGESTED_SIZE_INDEX static_cast<uint32_t>(sizeof(cl_icd_dispatch) / sizeof(void*))

// Asks for a value; the device's own code on failure. `other`, `index` and `input` as in opencl.api.
struct InfoQuery {
  uint32_t function = 0;
  uint64_t object = 0;
  uint64_t other = 0;
  uint32_t index = 0;
  uint32_t parameter = 0;
  std::span<const std::byte> input;

  cl_int Fetch(Session* session, Reply<opencl::QueryReply>* reply) const {
    opencl::Query query;
    query.function = function;
    query.object = object;
    query.other = other;
    query.index = index;
    query.parameter = parameter;
    query.input = input;
    query.capacity = ~uint64_t{0};
    return session->Call(query, reply);
  }

  cl_int Answer(Session* session, const InfoTarget& target) const {
    Reply<opencl::QueryReply> reply;
    const cl_int status = Fetch(session, &reply);
    if (status != CL_SUCCESS) {
      return status;
    }
    return target.Bytes(reply.message.value.data(), reply.message.value.size());
  }
};

}  // namespace flexai::shim
