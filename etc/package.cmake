# cpack: a Debian package of what etc/install.cmake installs. etc/release calls it; by hand, with the prefix /usr:
#   cmake --preset release -D CMAKE_INSTALL_PREFIX=/usr && cmake --build build && (cd build && cpack)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME providerd)
set(CPACK_PACKAGE_CONTACT "the maintainers of providerd <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tells which LLM provider to call right now")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"A daemon that probes every LLM API that you have credentials for, judges each
by rules in Lua, keeps the history in SQLite, and answers over REST who is
healthy, who is fastest and who is about to hit a limit.")
set(CPACK_SET_DESTDIR ON) # /etc is not below /usr
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# The paths in them are those of the prefix.
set(control ${PROJECT_BINARY_DIR}/debian)
foreach(script postinst prerm postrm)
  configure_file(etc/debian/${script} ${control}/${script} @ONLY
    FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
file(WRITE ${control}/conffiles "${CMAKE_INSTALL_FULL_SYSCONFDIR}/providerd/providerd.lua\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${control}/conffiles ${control}/postinst ${control}/prerm ${control}/postrm)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/etc/debian/stamp.cmake)
include(CPack)
