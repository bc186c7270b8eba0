# SPDX-License-Identifier: MIT OR Apache-2.0
"""The demonstration behind `tools/demo`: a board, its gateway and a mesh peer, line by line."""
