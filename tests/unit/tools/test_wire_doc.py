# SPDX-License-Identifier: MIT OR Apache-2.0
"""No wire object without its row, and no page that tells of yesterday's tables."""

import importlib
import pkgutil
import types

import pytest

import pqmesh
from pqmesh.wire.fields import U8, Rest
from pqmesh.wire.layout import WireObject, names
from tools import wire_doc


def test_the_page_is_fresh(capsys):
    assert wire_doc.main(["--check"]) == 0, capsys.readouterr().out


def test_every_wire_object_of_the_package_has_a_row():
    for module in pkgutil.walk_packages(pqmesh.__path__, "pqmesh."):
        importlib.import_module(module.name)
    pending, found = [WireObject], {cls.__name__ for cls in wire_doc.STANDALONE}
    while pending:
        for cls in pending.pop().__subclasses__():
            pending.append(cls)
            if cls.__module__.startswith("pqmesh."):
                found.add(cls.__name__)
    page = wire_doc.page()
    assert found
    for name in found:
        assert f"| [{name}](#{name.lower()}) | " in page
        assert f"\n### {name}\n" in page


def test_rows_are_complete():
    rows = [line for line in wire_doc.page().splitlines() if line.startswith("| [")]
    for row in rows:
        cells = [cell.strip() for cell in row.split(" | ")]
        assert len(cells) == 5
        assert all(cells)
        assert cells[1].isdigit()


class Told(WireObject):
    """One that says all it must.

    Version 3.

    Sender: somebody,
        on two lines.
    Replay: harmless.
    Rate: once.
    """

    LAYOUT = (("first", U8), ("rest", Rest(9)), ("after", U8))
    FIELDS = names(LAYOUT)


def test_paragraphs_are_read_whole():
    entry = wire_doc.Entry(Told)
    assert entry.summary == "One that says all it must."
    assert entry.version == "3"
    assert entry.paragraphs["Sender"] == "somebody, on two lines."
    assert entry.paragraphs["Rate"] == "once."


@pytest.mark.parametrize("lost", ["Version 3.", "Sender:", "Replay:", "Rate:", "One that"])
def test_an_object_that_leaves_something_out_is_an_error(lost):
    text = "" if lost == "One that" else Told.__doc__.replace(lost, "")
    mute = types.new_class("Mute", (WireObject,), exec_body=lambda ns: ns.update(__doc__=text))
    with pytest.raises(wire_doc.Undocumented, match="Mute does not say its"):
        wire_doc.Entry(mute)


def test_offsets_end_where_sizes_vary():
    assert wire_doc._layout(Told)[2:] == [
        "| 0 | 1 | first |",
        "| 1 | 0..9 | rest |",
        "| .. | 1 | after |",
        "",
    ]


def test_a_stale_page_is_shown_as_a_difference_and_writing_it_mends_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(wire_doc, "PAGE", tmp_path / "wire.md")
    assert wire_doc.main(["--check"]) == 1
    assert "python -m tools.wire_doc" in capsys.readouterr().out
    assert wire_doc.main([]) == 0
    assert wire_doc.main(["--check"]) == 0
    (tmp_path / "wire.md").write_text(wire_doc.page().replace("anybody", "nobody"))
    assert wire_doc.main(["--check"]) == 1
    assert "-" in capsys.readouterr().out
