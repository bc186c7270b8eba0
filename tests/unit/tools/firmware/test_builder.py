# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds: no work when nothing changed, whole images or none, whatever interrupts them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tools.firmware import builder, paths, targets, toolchain
from tools.firmware.errors import FirmwareError
from tools.firmware.progress import Progress
from tools.firmware.sources import SourceTree
from tools.firmware.targets import Target

pytestmark = pytest.mark.skipif(toolchain.missing(["make"]) != [], reason="make is missing")

MAKEFILE = """\
all: $(BUILD)/image
$(BUILD)/image: input
\techo made >> $(RUNS)
\tcp input $@
"""


class Workshop:
    """A target of one file, built by a real make."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = root / "firmware"
        self.sources.mkdir()
        self.put("Makefile", MAKEFILE)
        self.put("input", "one")

    def put(self, name: str, text: str) -> None:
        (self.sources / name).write_text(text, encoding="ascii")

    @property
    def runs(self) -> int:
        log = self.root / "runs"
        return len(log.read_text(encoding="ascii").splitlines()) if log.exists() else 0

    def build(self, heap_kb: int = 128) -> Path:
        return builder.build("thing", heap_kb, Progress("thing", quiet=True))

    def leftovers(self) -> list[str]:
        home = self.root / "images" / "thing"
        return [path.name for path in home.iterdir() if path.name.startswith(".")]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    shop = Workshop(tmp_path)
    target = Target(
        name="thing",
        summary="",
        programs=("make",),
        packages=("make",),
        outputs=("image",),
        inputs=(shop.sources,),
        command=lambda source, heap_kb: [
            "make",
            "-C",
            str(shop.sources),
            f"HEAP={heap_kb}",
            f"RUNS={tmp_path / 'runs'}",
            f"ROOT={tmp_path}",
        ],
    )
    tree = SourceTree("micropython", tmp_path, "1.26.1", "pinned")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "FIRMWARE", shop.sources)
    monkeypatch.setattr(paths, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(targets, "TARGETS", {"thing": target})
    monkeypatch.setattr(builder.sources, "fetch_tree", lambda name, progress: tree)
    monkeypatch.setattr(builder.toolchain, "version_of", lambda name: "compiler 1")
    monkeypatch.setattr(builder.sources, "find_tree", lambda name: tree)
    monkeypatch.setattr(builder, "_CROSS_COMPILER", "thing")  # it needs no other image
    return shop


class TestBuild:
    def test_a_second_build_does_nothing(self, workshop: Workshop) -> None:
        assert workshop.build() == workshop.build()
        assert workshop.runs == 1

    def test_a_changed_input_gives_another_image(self, workshop: Workshop) -> None:
        first = workshop.build()
        workshop.put("input", "two")
        second = workshop.build()
        assert first.read_text(encoding="ascii") == "one"
        assert second.read_text(encoding="ascii") == "two"

    def test_going_back_needs_no_build(self, workshop: Workshop) -> None:
        first = workshop.build()
        workshop.put("input", "two")
        workshop.build()
        workshop.put("input", "one")
        assert workshop.build() == first
        assert workshop.runs == 2

    def test_options_are_part_of_the_key(self, workshop: Workshop) -> None:
        assert workshop.build(heap_kb=64) != workshop.build(heap_kb=96)

    @pytest.mark.parametrize("heap_kb", [0, 31, 2049])
    def test_a_heap_out_of_range_is_refused(self, workshop: Workshop, heap_kb: int) -> None:
        with pytest.raises(FirmwareError, match="32 to 2048"):
            workshop.build(heap_kb)

    def test_old_images_go(self, workshop: Workshop) -> None:
        for number in range(9):
            workshop.put("input", str(number))
            last = workshop.build()
        kept = [path for path in last.parent.parent.iterdir() if (path / "image").is_file()]
        assert last.parent in kept
        assert len([path for path in kept if not path.name.startswith("objects-")]) == 6


class TestMovingSources:
    def test_an_edit_during_the_build_never_ends_up_under_the_old_key(
        self, workshop: Workshop
    ) -> None:
        edit = "\t@for f in $(ROOT)/firm*/input; do echo two > $$f; done\n"
        workshop.put("Makefile", MAKEFILE.replace("\tcp input", f"{edit}\tcp input"))
        image = workshop.build()
        assert image.read_text(encoding="ascii") == "one"
        assert builder.find("thing") is None  # what lies there now has yet to be built
        assert workshop.build().read_text(encoding="ascii") == "two\n"
        workshop.put("input", "one")
        assert workshop.build() == image

    def test_an_edit_between_key_and_copy_gives_the_image_of_the_copy(
        self, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        update = builder.snapshot.update

        def edit_first(*arguments: Any) -> list[Path]:
            workshop.put("input", "two")
            return update(*arguments)

        monkeypatch.setattr(builder.snapshot, "update", edit_first)
        image = workshop.build()
        assert image.read_text(encoding="ascii") == "two"
        assert image == builder.find("thing")

    def test_a_removed_file_is_gone_from_the_copy(self, workshop: Workshop) -> None:
        workshop.put("extra", "x")
        workshop.put("Makefile", MAKEFILE.replace("cp input $@", "ls > $@"))
        assert "extra" in workshop.build().read_text(encoding="ascii")
        (workshop.sources / "extra").unlink()
        workshop.put("input", "newer")
        assert "extra" not in workshop.build().read_text(encoding="ascii")

    def test_new_rules_make_all_objects_anew(self, workshop: Workshop) -> None:
        workshop.build()
        workshop.put("Makefile", MAKEFILE.replace("cp input $@", "echo other rule > $@"))
        assert workshop.build().read_text(encoding="ascii") == "other rule\n"


class TestFailure:
    def test_make_s_last_words_are_shown_and_no_image_appears(self, workshop: Workshop) -> None:
        workshop.put("Makefile", "all:\n\t@echo the reason; exit 3\n")
        with pytest.raises(FirmwareError, match="the reason"):
            workshop.build()
        assert builder.find("thing") is None
        assert workshop.leftovers() == []

    def test_a_make_that_leaves_no_image_is_an_error(self, workshop: Workshop) -> None:
        workshop.put("Makefile", "all:\n")
        with pytest.raises(FirmwareError, match="left no image"):
            workshop.build()

    def test_objects_of_a_killed_build_are_thrown_away(self, workshop: Workshop) -> None:
        first = workshop.build()
        (objects,) = first.parent.parent.glob("objects-*")
        (objects / "image").write_text("half writt", encoding="ascii")
        (objects / "unfinished").touch()
        os.utime(objects / "image", (2**31, 2**31))  # newer than its input, as far as make sees
        workshop.put("input", "two")
        assert workshop.build().read_text(encoding="ascii") == "two"

    def test_a_build_waits_for_another(self, workshop: Workshop) -> None:
        home = workshop.root / "images" / "thing"
        home.mkdir(parents=True)
        code = (
            "import fcntl,sys,time; f=open(sys.argv[1],'w'); fcntl.flock(f,fcntl.LOCK_EX);"
            "print('held',flush=True); time.sleep(0.6)"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", code, str(home / "lock")], stdout=subprocess.PIPE
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            started = time.monotonic()
            workshop.build()
            assert time.monotonic() - started > 0.3

    def test_ctrl_c_ends_make_and_leaves_nothing_broken(
        self, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        workshop.put("Makefile", "all:\n\t@echo CC started\n\t@sleep 30\n")

        def interrupt(progress: Progress, text: str) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Progress, "tick", interrupt)
        with pytest.raises(KeyboardInterrupt):
            workshop.build()
        assert workshop.leftovers() == []
        (objects,) = (workshop.root / "images" / "thing").glob("objects-*")
        assert (objects / "unfinished").exists()
