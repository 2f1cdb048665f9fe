// Samplers.
#include "shim/opencl/info.h"
#include "shim/opencl/objects.h"
#include "shim/opencl/query.h"

namespace flexai::shim {

namespace {

// What clGetSamplerInfo answers. Whether the values are good is the device's to say.
void ReadProperties(const cl_sampler_properties* properties, Sampler* sampler) {
  for (size_t i = 0; properties != nullptr && properties[i] != 0; i += 2) {
    const cl_sampler_properties value = properties[i + 1];
    switch (properties[i]) {
      case CL_SAMPLER_NORMALIZED_COORDS:
        sampler->normalized = static_cast<cl_bool>(value);
        break;
      case CL_SAMPLER_ADDRESSING_MODE:
        sampler->addressing = static_cast<cl_addressing_mode>(value);
        break;
      case CL_SAMPLER_FILTER_MODE:
        sampler->filter = static_cast<cl_filter_mode>(value);
        break;
      default:
        break;
    }
  }
}

// Creates the sampler from `properties`; `as_asked` tells whether the application gave them as a list.
Sampler* MakeSampler(Context* context, const cl_sampler_properties* properties, bool as_asked,
                     cl_int* status) {
  Session* session = context->session;
  auto* sampler = New<Sampler>(session, session->NewId());
  if (sampler == nullptr) {
    *status = CL_OUT_OF_HOST_MEMORY;
    return nullptr;
  }
  ReadProperties(properties, sampler);
  *status = context->images ? CL_SUCCESS : CL_INVALID_OPERATION;
  ShortArray<uint64_t, 16> sent;
  size_t count = 0;
  while (properties != nullptr && properties[count] != 0) {
    count += 2;
  }
  if (!sent.Reserve(count) || (as_asked && !CopyProperties(properties, &sampler->properties))) {
    *status = CL_OUT_OF_HOST_MEMORY;
  }
  if (*status == CL_SUCCESS) {
    for (size_t i = 0; i < count; ++i) {
      sent.Push(properties[i]);
    }
    opencl::CreateSampler message;
    message.sampler = sampler->id;
    message.context = context->id;
    message.properties = sent.span();
    *status = session->Call(message);
  }
  if (*status != CL_SUCCESS) {
    Delete(sampler);
    return nullptr;
  }
  sampler->has_properties = as_asked && properties != nullptr;
  sampler->context = context;
  Hold(context);
  session->live_handles().Add(sampler);
  return sampler;
}

}  // namespace

void DestroySampler(Sampler* sampler) {
  sampler->session->live_handles().Remove(sampler);
  sampler->session->SendRelease(sampler->id);
  Drop(sampler->context);
  sampler->kind = Kind::kDead;
  Delete(sampler);
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_sampler CL_API_CALL clCreateSampler(cl_context context, cl_bool normalized_coords,
                                       cl_addressing_mode addressing_mode, cl_filter_mode filter_mode,
                                       cl_int* errcode_ret) {
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  const cl_sampler_properties properties[] = {CL_SAMPLER_NORMALIZED_COORDS,
                                              normalized_coords,
                                              CL_SAMPLER_ADDRESSING_MODE,
                                              addressing_mode,
                                              CL_SAMPLER_FILTER_MODE,
                                              filter_mode,
                                              0};
  cl_int status = CL_SUCCESS;
  Sampler* sampler = MakeSampler(context, properties, false, &status);
  return sampler != nullptr ? Success(sampler, errcode_ret) : Failure(status, errcode_ret);
}

cl_sampler CL_API_CALL clCreateSamplerWithProperties(cl_context context,
                                                     const cl_sampler_properties* properties,
                                                     cl_int* errcode_ret) {
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  cl_int status = CL_SUCCESS;
  Sampler* sampler = MakeSampler(context, properties, true, &status);
  return sampler != nullptr ? Success(sampler, errcode_ret) : Failure(status, errcode_ret);
}

cl_int CL_API_CALL clRetainSampler(cl_sampler sampler) {
  if (!IsValid(sampler)) {
    return CL_INVALID_SAMPLER;
  }
  Retain(sampler);
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseSampler(cl_sampler sampler) {
  return IsValid(sampler) && Release(sampler) ? CL_SUCCESS : CL_INVALID_SAMPLER;
}

cl_int CL_API_CALL clGetSamplerInfo(cl_sampler sampler, cl_sampler_info param_name, size_t param_value_size,
                                    void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(sampler)) {
    return CL_INVALID_SAMPLER;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_SAMPLER_REFERENCE_COUNT:
      return target.Value(cl_uint{sampler->references()});
    case CL_SAMPLER_CONTEXT:
      return target.Value(sampler->context);
    case CL_SAMPLER_NORMALIZED_COORDS:
      return target.Value(sampler->normalized);
    case CL_SAMPLER_ADDRESSING_MODE:
      return target.Value(sampler->addressing);
    case CL_SAMPLER_FILTER_MODE:
      return target.Value(sampler->filter);
    case CL_SAMPLER_PROPERTIES:
      return target.List(sampler->properties.data(), sampler->properties.size());
    default:
      break;
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetSamplerInfo);
  query.object = sampler->id;
  query.parameter = param_name;
  return query.Answer(sampler->session, target);
}

}  // extern "C"
