# SPDX-License-Identifier: MIT OR Apache-2.0
"""The copy that make builds from: same content, times that change with content only."""

import os
from pathlib import Path

from tools.firmware import snapshot


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def test_content_place_and_mode_are_copied(tmp_path: Path) -> None:
    base, copy = tmp_path / "base", tmp_path / "copy"
    put(base / "src" / "a.c", "int a;")
    put(base / "run.sh", "#!/bin/sh\n")
    (base / "run.sh").chmod(0o755)
    inputs = snapshot.update(copy, [base / "src", base / "run.sh"], base)
    assert inputs == [copy / "src", copy / "run.sh"]
    assert (copy / "src" / "a.c").read_text(encoding="ascii") == "int a;"
    assert os.access(copy / "run.sh", os.X_OK)


def test_a_file_s_time_changes_with_its_content_only(tmp_path: Path) -> None:
    base, copy = tmp_path / "base", tmp_path / "copy"
    put(base / "a.c", "one")
    snapshot.update(copy, [base], base)
    before = (copy / "a.c").stat().st_mtime_ns
    os.utime(base / "a.c", (1, 1))  # an old checkout: older than what make has made
    snapshot.update(copy, [base], base)
    assert (copy / "a.c").stat().st_mtime_ns == before
    put(base / "a.c", "two")
    os.utime(base / "a.c", (1, 1))
    snapshot.update(copy, [base], base)
    assert (copy / "a.c").stat().st_mtime_ns > before


def test_what_is_gone_is_removed_and_what_does_not_count_is_left_out(tmp_path: Path) -> None:
    base, copy = tmp_path / "base", tmp_path / "copy"
    for name in ("a.c", "b.c", "__pycache__/x.pyc", ".hidden"):
        put(base / name, "x")
    snapshot.update(copy, [base, base / "missing"], base)
    assert sorted(path.name for path in copy.rglob("*")) == ["a.c", "b.c"]
    (base / "b.c").unlink()
    snapshot.update(copy, [base], base)
    assert sorted(path.name for path in copy.rglob("*")) == ["a.c"]
