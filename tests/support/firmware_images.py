# SPDX-License-Identifier: MIT OR Apache-2.0
"""Images for tests of firmware: built when they are not up to date, skipped without the tools."""

from functools import lru_cache
from pathlib import Path

import pytest

from tools.firmware import builder
from tools.firmware.errors import MissingTool
from tools.firmware.progress import Progress


@lru_cache
def image(target: str, heap_kb: int = builder.DEFAULT_HEAP_KB) -> Path:
    """Path of an image for exactly the present sources.

    Skips the test when a program that builds it is not installed; a build that fails is a
    failure.
    """
    try:
        return builder.build(target, heap_kb, Progress(target, quiet=True))
    except MissingTool as missing:
        pytest.skip(str(missing))
