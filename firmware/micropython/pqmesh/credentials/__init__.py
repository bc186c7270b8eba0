# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an identity says about its KEM keys: signed once an epoch, proved leaf by leaf."""
