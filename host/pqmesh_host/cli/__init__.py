# SPDX-License-Identifier: MIT OR Apache-2.0
"""The ``pqmesh`` command. One file per command under commands/, each a thin client."""
