add_executable(flexaid flexaid_main.cc)
flexai_flags(flexaid)
target_compile_definitions(flexaid PRIVATE FLEXAI_VERSION="${PROJECT_VERSION}")
target_link_libraries(flexaid PRIVATE flexai_cli flexai_api_opencl)
install(TARGETS flexaid RUNTIME DESTINATION sbin)
install(FILES ${CMAKE_SOURCE_DIR}/docs/man/flexaid.8 DESTINATION share/man/man8)
install(FILES ${CMAKE_SOURCE_DIR}/docs/man/flexaid.conf.5 DESTINATION share/man/man5)
install(FILES ${CMAKE_SOURCE_DIR}/deploy/flexaid.conf DESTINATION share/doc/flexai)
# The unit names the program's path, which is known when installing (cmake --install --prefix).
install(CODE "
  set(SBIN \"\${CMAKE_INSTALL_PREFIX}/sbin\")
  configure_file(\"${CMAKE_SOURCE_DIR}/deploy/flexaid.service.in\"
                 \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/flexaid.service\" @ONLY)")
