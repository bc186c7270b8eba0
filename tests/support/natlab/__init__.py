# SPDX-License-Identifier: MIT OR Apache-2.0
"""Hosts behind real NATs, in network namespaces that the test makes and removes."""

from .lab import Host, NatKind, NatLab, missing_for_natlab

__all__ = ("Host", "NatKind", "NatLab", "missing_for_natlab")
