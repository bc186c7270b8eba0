# SPDX-License-Identifier: MIT OR Apache-2.0
# MPS2 with the FPGA image AN500: Cortex-M7 with a single-precision FPU. QEMU machine mps2-an500.
BOARD_MCU = Cortex-M7
BOARD_ARCH_FLAGS = -mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-sp-d16
MPY_CROSS_FLAGS += -march=armv7emsp
