# SPDX-License-Identifier: MIT OR Apache-2.0
# MPS2 with the FPGA image AN385: Cortex-M3, floating point in software. QEMU machine mps2-an385.
BOARD_MCU = Cortex-M3
BOARD_ARCH_FLAGS = -mcpu=cortex-m3 -mfloat-abi=soft
MPY_CROSS_FLAGS += -march=armv7m
