# SPDX-License-Identifier: MIT OR Apache-2.0
"""Objects that many listen to at once: cut, spread, asked for, and put together again.

`Exchange` (exchange.py) is all of it for one link. A node that does not take part imports nothing.
"""
