# What a project of others needs to find the installed modules; tests/consumer is such a project.
include_guard(GLOBAL)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/dudao")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/dudaoConfig.cmake.in" "${PROJECT_BINARY_DIR}/dudaoConfig.cmake"
                              INSTALL_DESTINATION "${package}")
# Until 1.0 every minor version may break what was.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/dudaoConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/dudaoConfig.cmake" "${PROJECT_BINARY_DIR}/dudaoConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/FindArgon2.cmake" "${CMAKE_CURRENT_LIST_DIR}/FindLibCsv.cmake" "${CMAKE_CURRENT_LIST_DIR}/FindLibQREncode.cmake"
        DESTINATION "${package}")
install(EXPORT dudaoTargets NAMESPACE dudao:: DESTINATION "${package}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
