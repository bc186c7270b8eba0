# SPDX-License-Identifier: MIT OR Apache-2.0
"""Entry point of `python3 -m tools.firmware`."""

import sys

from tools.firmware.cli import main

sys.exit(main())
