# SPDX-License-Identifier: MIT OR Apache-2.0
# For QEMU's mps2-an385, a Cortex-M3; printf() and exit() go to the host by semihosting:
#
#   cmake -S . -B build -DCMAKE_TOOLCHAIN_FILE=examples/mps2-an385/toolchain.cmake
#   cmake --build build
#   qemu-system-arm -machine mps2-an385 -display none -monitor none \
#       -semihosting-config enable=on,target=native -kernel build/examples/round_trip

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m3 -mthumb -ffunction-sections")
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "--specs=rdimon.specs -Wl,--gc-sections -T ${CMAKE_CURRENT_LIST_DIR}/mps2.ld")
set(PQC_EXAMPLE_BOARD_SOURCES ${CMAKE_CURRENT_LIST_DIR}/vectors.c)
