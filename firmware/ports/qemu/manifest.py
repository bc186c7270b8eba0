# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the emulated boards freeze: what every board has, and this port's own start-up."""

include("$(PORT_DIR)/../../micropython/manifest.py")
freeze("$(PORT_DIR)/modules", opt=3)
