# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every cell of the interop matrix as a test, on each ant-quic that is installed.

``python -m tools.interop`` installs them and prints the matrix; without it these skip.
"""

import pytest

from tools.interop import cells_life, cells_messages, cells_refuse, cells_relay
from tools.interop.cell import CELLS, NotPossible
from tools.interop.install import VERSIONS, binary, installed

GROUPS = (cells_messages, cells_life, cells_relay, cells_refuse)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.name} {cell.direction}")
async def test_cell(cell, version):
    if version not in installed():
        pytest.skip(f"ant-quic {version} is not installed: run python -m tools.interop")
    try:
        assert await cell.run(binary(version))
    except NotPossible as reason:
        pytest.skip(str(reason))
