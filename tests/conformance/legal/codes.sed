# docs/compatibility.md, "Codes".
/^clGetDeviceIDs\(platform, 0, 8, devices, &count\)/d
/^clGetImageInfo\(mem, CL_IMAGE_WIDTH/d
/^clCreateSamplerWithProperties\(context, NULL, &err\)/d
/^default mode/d
/^clCompileProgram\(main_program, 1, &device, "", 0, &header_program/d
/^clSetProgramReleaseCallback\(program, NULL, NULL\)/d
/^pitch too small: /d
/^clEnqueueReadImage\(queue, image, CL_TRUE, zero, nothing/d
