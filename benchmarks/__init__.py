# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every figure this project states, one command each: `python -m benchmarks.<name>`."""
