add_executable(flexai-keeper ${CMAKE_SOURCE_DIR}/src/apps/keeper_main.cc)
flexai_flags(flexai-keeper)
target_link_libraries(flexai-keeper PRIVATE flexai_keeper)
install(TARGETS flexai-keeper RUNTIME DESTINATION libexec/flexai)
