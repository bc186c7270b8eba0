# SPDX-License-Identifier: MIT OR Apache-2.0
"""Post-quantum QUIC: one socket that dials and accepts, peers known by their PeerId.

Start at ``endpoint.QuicEndpoint``. The TLS profile is ant-quic's
(docs/decisions/0008-quic-profile.md); aioquic is subclassed, never patched.
"""
