# SPDX-License-Identifier: MIT OR Apache-2.0
"""The octets of every message, one module per family. Codecs only: no state, no crypto."""
