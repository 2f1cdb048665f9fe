add_executable(flexai flexai_main.cc)
flexai_flags(flexai)
target_compile_definitions(flexai PRIVATE FLEXAI_VERSION="${PROJECT_VERSION}")
target_link_libraries(flexai PRIVATE flexai_cli)
install(TARGETS flexai RUNTIME DESTINATION bin)
install(FILES ${CMAKE_SOURCE_DIR}/docs/man/flexai.1 DESTINATION share/man/man1)
# Each completion is where its shell looks for it.
foreach(completion "bash:bash-completion/completions/flexai" "zsh:zsh/site-functions/_flexai"
                   "fish:fish/vendor_completions.d/flexai.fish")
  string(REPLACE ":" ";" completion "${completion}")
  list(GET completion 0 shell)
  list(GET completion 1 path)
  install(CODE "
    set(file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/${path}\")
    get_filename_component(folder \"\${file}\" DIRECTORY)
    file(MAKE_DIRECTORY \"\${folder}\")
    execute_process(COMMAND \"$<TARGET_FILE:flexai>\" completion ${shell} OUTPUT_FILE \"\${file}\"
                    COMMAND_ERROR_IS_FATAL ANY)
    message(STATUS \"Installing: \${file}\")")
endforeach()
