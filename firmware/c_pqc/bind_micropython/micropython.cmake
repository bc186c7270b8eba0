# SPDX-License-Identifier: MIT OR Apache-2.0
# The module `pqc` for ports built with CMake (rp2, esp32):
#   USER_C_MODULES=<this file>

file(GLOB PQC_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/../src/*.c)

add_library(usermod_pqc INTERFACE)
target_sources(usermod_pqc INTERFACE ${CMAKE_CURRENT_LIST_DIR}/modpqc.c ${PQC_SOURCES})
target_include_directories(usermod_pqc INTERFACE ${CMAKE_CURRENT_LIST_DIR}/../include)
# Ports build for size; a handshake waits for this code.
target_compile_definitions(usermod_pqc INTERFACE PQC_FAST)
target_link_libraries(usermod INTERFACE usermod_pqc)
