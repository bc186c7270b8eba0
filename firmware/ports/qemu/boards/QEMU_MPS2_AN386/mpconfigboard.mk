# SPDX-License-Identifier: MIT OR Apache-2.0
# MPS2 with the FPGA image AN386: Cortex-M4, floating point in software. QEMU machine mps2-an386.
BOARD_MCU = Cortex-M4
BOARD_ARCH_FLAGS = -mcpu=cortex-m4 -mfloat-abi=soft
MPY_CROSS_FLAGS += -march=armv7m
