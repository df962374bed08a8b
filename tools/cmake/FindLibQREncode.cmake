# LibQREncode::LibQREncode, from Debian's libqrencode-dev, which brings no CMake file of its own. Installed beside dudaoConfig.cmake.
find_path(LibQREncode_INCLUDE_DIR qrencode.h)
find_library(LibQREncode_LIBRARY qrencode)
mark_as_advanced(LibQREncode_INCLUDE_DIR LibQREncode_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibQREncode REQUIRED_VARS LibQREncode_LIBRARY LibQREncode_INCLUDE_DIR)
if(LibQREncode_FOUND AND NOT TARGET LibQREncode::LibQREncode)
  add_library(LibQREncode::LibQREncode UNKNOWN IMPORTED)
  set_target_properties(LibQREncode::LibQREncode PROPERTIES IMPORTED_LOCATION "${LibQREncode_LIBRARY}"
                                                            INTERFACE_INCLUDE_DIRECTORIES "${LibQREncode_INCLUDE_DIR}")
endif()
