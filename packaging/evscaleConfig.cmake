# Targets evscale::evscale (shared) and evscale::evscale_static.
get_filename_component(_evscale_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET evscale::evscale)
  add_library(evscale::evscale SHARED IMPORTED)
  set_target_properties(evscale::evscale PROPERTIES
    IMPORTED_LOCATION "${_evscale_prefix}/lib/libevscale.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_evscale_prefix}/include")
  add_library(evscale::evscale_static STATIC IMPORTED)
  set_target_properties(evscale::evscale_static PROPERTIES
    IMPORTED_LOCATION "${_evscale_prefix}/lib/libevscale.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_evscale_prefix}/include"
    INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c"
    INTERFACE_LINK_OPTIONS "LINKER:-z,noexecstack")
endif()
