# LibOrcus::LibOrcus, from Debian's liborcus-dev, which brings no CMake file. Only dudao-office needs it.
find_path(LibOrcus_INCLUDE_DIR orcus/orcus_xlsx.hpp PATH_SUFFIXES liborcus-0.17 liborcus-0.18 liborcus-0.19)
find_library(LibOrcus_LIBRARY NAMES orcus-0.17 orcus-0.18 orcus-0.19)
find_library(LibOrcus_PARSER_LIBRARY NAMES orcus-parser-0.17 orcus-parser-0.18 orcus-parser-0.19)
mark_as_advanced(LibOrcus_INCLUDE_DIR LibOrcus_LIBRARY LibOrcus_PARSER_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibOrcus REQUIRED_VARS LibOrcus_LIBRARY LibOrcus_PARSER_LIBRARY LibOrcus_INCLUDE_DIR)
if(LibOrcus_FOUND AND NOT TARGET LibOrcus::LibOrcus)
  add_library(LibOrcus::LibOrcus UNKNOWN IMPORTED)
  set_target_properties(LibOrcus::LibOrcus PROPERTIES IMPORTED_LOCATION "${LibOrcus_LIBRARY}"
                                                      INTERFACE_INCLUDE_DIRECTORIES "${LibOrcus_INCLUDE_DIR}"
                                                      INTERFACE_LINK_LIBRARIES "${LibOrcus_PARSER_LIBRARY}")
endif()
