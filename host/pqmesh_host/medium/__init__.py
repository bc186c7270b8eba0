# SPDX-License-Identifier: MIT OR Apache-2.0
"""A pretended radio medium for test benches: airtime, collisions, loss, duty cycle. Not a radio.

The model is a library in virtual time (``model.Medium``) and a process that firmware and simulated
nodes join by socket (``server.MediumServer``). It says nothing about range, antennas or chips.
"""
