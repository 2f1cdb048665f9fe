// What buffers, images and pipes have in common towards the application: counts, info, destructor callbacks.
#include "shim/opencl/info.h"
#include "shim/opencl/memory.h"
#include "shim/opencl/query.h"

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clRetainMemObject(cl_mem memory) {
  if (!IsValid(memory)) {
    return CL_INVALID_MEM_OBJECT;
  }
  Retain(memory);
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseMemObject(cl_mem memory) {
  if (!IsValid(memory)) {
    return CL_INVALID_MEM_OBJECT;
  }
  Session* session = memory->session;
  if (!Release(memory)) {
    return CL_INVALID_MEM_OBJECT;
  }
  session->deferred().SettleReleases();
  return CL_SUCCESS;
}

cl_int CL_API_CALL clSetMemObjectDestructorCallback(cl_mem memory,
                                                    void(CL_CALLBACK* pfn_notify)(cl_mem, void*),
                                                    void* user_data) {
  if (!IsValid(memory)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (pfn_notify == nullptr) {
    return CL_INVALID_VALUE;
  }
  const flexai::wire::FutexLock lock(memory->mutex);
  return memory->callbacks.Push({pfn_notify, user_data}) ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

cl_int CL_API_CALL clGetMemObjectInfo(cl_mem memory, cl_mem_info param_name, size_t param_value_size,
                                      void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(memory)) {
    return CL_INVALID_MEM_OBJECT;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_MEM_TYPE:
      return target.Value(memory->type);
    case CL_MEM_FLAGS:
      return target.Value(memory->flags);
    case CL_MEM_SIZE:
      return target.Value(memory->size);
    case CL_MEM_HOST_PTR:
      return target.Value((memory->flags & CL_MEM_USE_HOST_PTR) != 0 ? memory->host_ptr : nullptr);
    case CL_MEM_MAP_COUNT: {
      const flexai::wire::FutexLock lock(memory->mutex);
      return target.Value(static_cast<cl_uint>(memory->maps.size()));
    }
    case CL_MEM_REFERENCE_COUNT:
      return target.Value(cl_uint{memory->references()});
    case CL_MEM_CONTEXT:
      return target.Value(memory->context);
    case CL_MEM_ASSOCIATED_MEMOBJECT:
      return target.Value(memory->parent);
    case CL_MEM_OFFSET:
      return target.Value(memory->origin);
    case CL_MEM_USES_SVM_POINTER:
      return target.Value(memory->svm_backed ? cl_bool{CL_TRUE} : cl_bool{CL_FALSE});
    case CL_MEM_PROPERTIES:
      return target.List(memory->properties.data(), memory->properties.size());
    default:
      break;
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetMemObjectInfo);
  query.object = memory->id;
  query.parameter = param_name;
  return query.Answer(memory->session, target);
}

}  // extern "C"
