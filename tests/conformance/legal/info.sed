# docs/compatibility.md, "Values of platform and device".
/GLOBAL_MEM_SIZE|MAX_MEM_ALLOC_SIZE|Global memory size|Max memory allocation/d
/EXECUTION_CAPABILITIES|Run native kernels/d
# Extensions with functions of their own.
/CL_DEVICE_COMMAND_BUFFER/d
/^  Command buffer capabilities/d
/^    Required queue properties for command buffer/,/^    Profiling/d
/^ +cl_(khr_command_buffer|pocl_content_size) +0x/d
/EXTENSIONS|Extensions/{s/ ?cl_(khr_command_buffer|pocl_content_size)//g; s/  +/ /g}
# The same list as numbers, in clinfo's and our own words.
/EXTENSIONS_WITH_VERSION/d
