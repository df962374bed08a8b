# How every module is declared: one target each, its public headers as a file set that is compiled alone in development.
include(GNUInstallDirs)

# Applied per target, so that nothing leaks into a project that embeds dudao.
function(dudao_warnings target)
  if(DUDAO_DEVELOPMENT)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                                             -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
    # gcc 12 sees faults in the inlined insides of std::vector and std::string that are not there (optimised builds only);
    # the address sanitizer and the static analyzer look for the real ones.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
    endif()
  endif()
endfunction()

# dudao_module(<name> HEADERS ... [LISTS ...] SOURCES ... PUBLIC <targets> PRIVATE <targets>)
# HEADERS must each compile alone (target all_verify_interface_header_sets); LISTS are installed with them, but stand for
# something only where a header includes them.
function(dudao_module name)
  cmake_parse_arguments(arg "" "" "HEADERS;LISTS;SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(dudao_${name} STATIC ${arg_SOURCES})
  add_library(dudao::${name} ALIAS dudao_${name})
  target_sources(dudao_${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${arg_HEADERS})
  set(sets FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/dudao")
  if(arg_LISTS)
    target_sources(dudao_${name} PUBLIC FILE_SET lists TYPE HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${arg_LISTS})
    list(APPEND sets FILE_SET lists DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/dudao")
  endif()
  target_compile_features(dudao_${name} PUBLIC cxx_std_20)
  target_link_libraries(dudao_${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  set_target_properties(dudao_${name} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON EXPORT_NAME ${name}
                                                 VERIFY_INTERFACE_HEADER_SETS ${DUDAO_DEVELOPMENT}
                                                 INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)
  dudao_warnings(dudao_${name})
  install(TARGETS dudao_${name} EXPORT dudaoTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" ${sets})
endfunction()

# dudao_program(<name> SOURCES ... LINK <targets>): name is the file name that people type; built into <build>/bin.
function(dudao_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  target_compile_features(${name} PRIVATE cxx_std_20)
  dudao_warnings(${name})
  install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endfunction()
