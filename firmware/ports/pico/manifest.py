# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a Raspberry Pi Pico freezes: the stock port's modules, and the node that every board has."""

freeze("$(PORT_DIR)/modules")
include("../../micropython/manifest.py")
