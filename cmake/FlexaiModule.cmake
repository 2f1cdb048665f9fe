# How a module of src/ is declared: one static library and its tests, each in the module's own folder.

# Designated initializers rely on default member values, which missing-field-initializers would refuse.
set(FLEXAI_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror)

if(FLEXAI_SANITIZE)
  set(FLEXAI_SANITIZE_FLAGS -fsanitize=${FLEXAI_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
endif()
if(FLEXAI_FUZZ)
  list(APPEND FLEXAI_SANITIZE_FLAGS -fsanitize=fuzzer-no-link)
endif()

# flexai_flags(target): what every target of ours (the shim apart) is compiled and linked with.
function(flexai_flags target)
  target_compile_options(${target} PRIVATE ${FLEXAI_WARNINGS} ${FLEXAI_SANITIZE_FLAGS})
  target_link_options(${target} PRIVATE ${FLEXAI_SANITIZE_FLAGS})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
endfunction()

# flexai_module(name SOURCES a.cc ... DEPS lib ...): the library flexai_<name>.
function(flexai_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_library(flexai_${name} STATIC ${arg_SOURCES})
  flexai_flags(flexai_${name})
  target_link_libraries(flexai_${name} PUBLIC ${arg_DEPS})
endfunction()

# flexai_test(name SOURCES a_test.cc ... DEPS lib ...): a GoogleTest program that ctest runs.
function(flexai_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)  # a guard against hangs
  endif()
  add_executable(${name} ${arg_SOURCES})
  flexai_flags(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT})
endfunction()
