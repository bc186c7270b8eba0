# SPDX-License-Identifier: MIT OR Apache-2.0
"""Developer and user commands that are not part of the installed packages."""
