# SPDX-License-Identifier: MIT OR Apache-2.0
"""Coverage-guided fuzzing of what the gateway parses from the network: `make fuzz`."""
