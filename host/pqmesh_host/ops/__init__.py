# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an operator sees of a running node: the snapshot, the control socket, the metrics."""
