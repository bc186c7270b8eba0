# SPDX-License-Identifier: MIT OR Apache-2.0
"""Relaying for peers that no hole can be punched between, in ant-quic's framing."""
