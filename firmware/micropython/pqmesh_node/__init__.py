# SPDX-License-Identifier: MIT OR Apache-2.0
"""pqmesh on a board: serial link, storage, clock and the application loop."""
