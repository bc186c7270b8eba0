# SPDX-License-Identifier: MIT OR Apache-2.0
# The module `pqc` for ports built with make:
#   make USER_C_MODULES=<path of firmware/c_pqc>

PQC_DIR := $(patsubst %/,%,$(dir $(USERMOD_DIR)))

SRC_USERMOD_C += $(USERMOD_DIR)/modpqc.c
SRC_USERMOD_LIB_C += $(wildcard $(PQC_DIR)/src/*.c)

# Ports build for size; a handshake waits for this code.
CFLAGS_USERMOD += -I$(PQC_DIR)/include -DPQC_FAST
