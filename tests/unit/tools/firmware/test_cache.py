# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cache keys: equal for equal inputs, different for any other."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tools.firmware.cache import key_of


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


class TestKeyOf:
    def test_place_and_time_do_not_matter(self, tmp_path: Path) -> None:
        files = {"a.c": "int a;", "sub/b.py": "b = 1"}
        one, two = tree(tmp_path / "one", files), tree(tmp_path / "two", files)
        assert key_of(["x"], [one], one) == key_of(["x"], [two], two)

    def test_content_name_and_words_matter(self, tmp_path: Path) -> None:
        base = tree(tmp_path / "base", {"a.c": "int a;"})
        others = [
            tree(tmp_path / "content", {"a.c": "int b;"}),
            tree(tmp_path / "name", {"b.c": "int a;"}),
            tree(tmp_path / "more", {"a.c": "int a;", "b.c": ""}),
        ]
        keys = {key_of(["x"], [folder], folder) for folder in [base, *others]}
        keys.add(key_of(["y"], [base], base))
        assert len(keys) == 5

    def test_what_python_and_the_compiler_leave_behind_does_not_matter(
        self, tmp_path: Path
    ) -> None:
        folder = tree(tmp_path, {"a.py": "a = 1"})
        before = key_of([], [folder], folder)
        tree(folder, {"__pycache__/a.cpython-311.pyc": "x", "a.o": "y", ".a.py.swp": "z"})
        assert key_of([], [folder], folder) == before

    def test_a_missing_input_counts_as_empty(self, tmp_path: Path) -> None:
        assert key_of(["x"], [tmp_path / "nowhere"], tmp_path) == key_of(["x"])

    @given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
    def test_no_two_lists_of_words_run_together(self, one: list[str], two: list[str]) -> None:
        assert (key_of(one) == key_of(two)) == (one == two)
