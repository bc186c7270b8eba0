# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a Raspberry Pi Pico freezes: the stock port's modules but for its ``_boot.py``, in whose
place is ours, and the node that every board has.
"""

freeze("$(PORT_DIR)/modules", ("_boot_fat.py", "rp2.py"))
freeze("modules", opt=3)
include("../../micropython/manifest.py")
