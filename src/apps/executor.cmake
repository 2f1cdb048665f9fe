add_executable(flexai-executor ${CMAKE_SOURCE_DIR}/src/apps/executor_main.cc)
flexai_flags(flexai-executor)
target_link_libraries(flexai-executor PRIVATE flexai_executor)
install(TARGETS flexai-executor RUNTIME DESTINATION libexec/flexai)
