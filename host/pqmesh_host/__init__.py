# SPDX-License-Identifier: MIT OR Apache-2.0
"""A pqmesh gateway and peer on CPython: QUIC, transports, store, operations and the CLI."""
