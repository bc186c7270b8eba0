# SPDX-License-Identifier: MIT OR Apache-2.0
"""Carries mesh messages between boards on links and peers over QUIC.

link_runner.py ─┐                                  ┌─ quic_runner.py
  one per link  ├── switchboard.py (take, keep) ───┤    dials, accepts
  engine, driver┘      router.py (decides, pure)   └─
                       mailbox.py (per destination, durable)
                       calls.py (commands of ours that wait for a reply)
"""
