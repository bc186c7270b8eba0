# SPDX-License-Identifier: MIT OR Apache-2.0
"""A copy of what goes into an image, so that editing during a build cannot mix two states.

make builds from the copy. It is brought up to date by content: a file's time changes when its
content does, and only then, which is what make's own decisions rest on.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from tools.firmware import cache


def update(copy: Path, inputs: Iterable[Path], base: Path) -> list[Path]:
    """Make `copy` hold the files of `inputs` (under `base`) as they are now, and nothing else.

    Returns the inputs' places in the copy.
    """
    inputs = list(inputs)
    wanted = {path.relative_to(base): path for path in cache.files_of(inputs)}
    for path in [found for found in copy.rglob("*") if not found.is_dir()]:
        if path.relative_to(copy) not in wanted:
            path.unlink()
    for name, path in wanted.items():
        content = path.read_bytes()
        target = copy / name
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            shutil.copymode(path, target)
    return [copy / path.relative_to(base) for path in inputs]
