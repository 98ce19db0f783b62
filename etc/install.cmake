# cmake --install: the binary, the scripts and what a system service needs, in FHS places. The prefix counts when
# configuring (cmake --preset release -D CMAKE_INSTALL_PREFIX=/usr): paths are written into the config and the unit.
# Included by ../CMakeLists.txt.
set(generated ${PROJECT_BINARY_DIR}/installed)

# Copies etc/NAME to the build folder with each REGEX replaced; a pattern that is not found is an error, so that a
# change in the original cannot silently leave an installed file with the source tree's paths.
function(adapt name)
  set(source ${PROJECT_SOURCE_DIR}/etc/${name})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} text)
  while(ARGN)
    list(POP_FRONT ARGN regex replacement)
    if(NOT text MATCHES "${regex}")
      message(FATAL_ERROR "etc/${name}: no match for \"${regex}\", which etc/install.cmake replaces with an installed path")
    endif()
    string(REGEX REPLACE "${regex}" "${replacement}" text "${text}")
  endwhile()
  file(WRITE ${generated}/${name} "${text}")
endfunction()

set(config_dir ${CMAKE_INSTALL_FULL_SYSCONFDIR}/providerd)
set(script_dir ${CMAKE_INSTALL_FULL_DATADIR}/providerd)

install(TARGETS providerd DESTINATION ${CMAKE_INSTALL_BINDIR})

install(DIRECTORY providers plugins DESTINATION ${CMAKE_INSTALL_DATADIR}/providerd OPTIONAL
  PATTERN "README.md" EXCLUDE)

install(DIRECTORY ${vendored} DESTINATION ${CMAKE_INSTALL_DATADIR}/providerd/plugins/dashboard OPTIONAL)

if(EXISTS ${PROJECT_SOURCE_DIR}/etc/providerd.lua)
  adapt(providerd.lua
    "\n( *)provider_paths *= *{[^}]*}" "\n\\1provider_paths = {\"${script_dir}/providers\"}"
    "\n( *)plugin_paths *= *{[^}]*}" "\n\\1plugin_paths = {\"${script_dir}/plugins\"}")
  # The administrator's file is never overwritten: a newer default goes to share/doc only.
  install(CODE "
    set(config_dir \"\$ENV{DESTDIR}${config_dir}\")
    if(EXISTS \"\${config_dir}/providerd.lua\")
      message(STATUS \"Kept: \${config_dir}/providerd.lua\")
    else()
      file(INSTALL DESTINATION \"${config_dir}\" TYPE FILE FILES \"${generated}/providerd.lua\")
    endif()")
  install(FILES ${generated}/providerd.lua DESTINATION ${CMAKE_INSTALL_DOCDIR})
endif()

adapt(providerd.service
  "/usr/bin/" "${CMAKE_INSTALL_FULL_BINDIR}/"
  "/etc/providerd/" "${config_dir}/")
install(FILES ${generated}/providerd.service etc/providerd.socket DESTINATION lib/systemd/system)

install(FILES etc/debian/providerd.conf DESTINATION lib/sysusers.d)

install(DIRECTORY etc/prometheus etc/grafana DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES etc/providerd.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES etc/completions/providerd.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME providerd)
install(FILES etc/completions/_providerd DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
foreach(manual README.md CHANGELOG.md LICENSE)
  install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
endforeach()
foreach(folder providers plugins)
  install(FILES ${folder}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME ${folder}.md OPTIONAL)
endforeach()
