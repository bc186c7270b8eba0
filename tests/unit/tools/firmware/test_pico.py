# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Pico targets: one source tree out of four packages, without touching any of them."""

import os
from pathlib import Path

import pytest

from tools.firmware import pico, sources
from tools.firmware.errors import MissingTool
from tools.firmware.sources import SourceTree


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, SourceTree]:
    """The pinned sources, reduced to what the build looks for."""
    contents = {
        "micropython": ["ports/rp2/main.c", "mpy-cross/main.c", "mpy-cross/build/old.o"],
        "pico-sdk": ["usr/src/pico-sdk/pico_sdk_init.cmake"],
        "tinyusb": ["usr/src/tinyusb/src/tusb.c"],
        "mbedtls": ["library/aes.c"],
    }
    found = {}
    for name, files in contents.items():
        for file in files:
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} {file}")
        found[name] = SourceTree(name, tmp_path / name, "1", f"identity of {name}")
    for folder in ("tinyusb", "mbedtls", "micropython-lib"):
        (tmp_path / "micropython" / "lib" / folder).mkdir(parents=True)
    monkeypatch.setattr(sources, "fetch_tree", found.__getitem__)
    monkeypatch.setattr(pico.paths, "SOURCES", tmp_path / "joined")
    monkeypatch.setattr(pico, "_LIBRARIES", {})
    return found


def value(words: list[str], name: str) -> str:
    return next(word.partition("=")[2] for word in words if word.startswith(f"{name}="))


def test_the_joined_tree_holds_every_package(trees: dict[str, SourceTree]) -> None:
    words = pico.firmware("RPI_PICO")(Path(), 128)
    tree = Path(value(words, "MPY_DIR"))
    assert (tree / "ports/rp2/main.c").read_text() == "micropython ports/rp2/main.c"
    assert (tree / "lib/tinyusb/src/tusb.c").is_file()
    assert (tree / "lib/mbedtls/library/aes.c").is_file()
    assert (tree / "lib/micropython-lib/README.md").is_file()
    assert not (tree / "mpy-cross/build").exists()
    assert (Path(value(words, "PICO_SDK_DIR")) / "pico_sdk_init.cmake").is_file()
    assert value(words, "BOARD") == "RPI_PICO"


def test_the_pinned_trees_stay_as_they_are(trees: dict[str, SourceTree]) -> None:
    pico.firmware("RPI_PICO")(Path(), 128)
    libraries = trees["micropython"].path / "lib"
    assert [list((libraries / name).iterdir()) for name in os.listdir(libraries)] == [[], [], []]


def test_a_users_own_library_is_kept(trees: dict[str, SourceTree]) -> None:
    own = trees["micropython"].path / "lib/tinyusb/own.c"
    own.write_text("own")
    tree = Path(value(pico.firmware("RPI_PICO")(Path(), 128), "MPY_DIR"))
    assert (tree / "lib/tinyusb/own.c").read_text() == "own"
    assert not (tree / "lib/tinyusb/src").exists()


def test_a_users_own_sdk_is_the_sdk_itself(trees: dict[str, SourceTree], tmp_path: Path) -> None:
    sdk = tmp_path / "checkout"
    sdk.mkdir()
    trees["pico-sdk"] = SourceTree("pico-sdk", sdk, "unknown", "other")
    assert value(pico.firmware("RPI_PICO")(Path(), 128), "PICO_SDK_DIR") == str(sdk)


def test_another_source_gives_another_key(trees: dict[str, SourceTree]) -> None:
    first = pico.firmware("RPI_PICO")(Path(), 128)
    assert pico.firmware("RPI_PICO")(Path(), 128) == first
    tree = trees["mbedtls"]
    trees["mbedtls"] = SourceTree(tree.name, tree.path, tree.version, "changed")
    assert value(pico.firmware("RPI_PICO")(Path(), 128), "INPUTS") != value(first, "INPUTS")


def test_without_hard_links_the_tree_is_copied(
    trees: dict[str, SourceTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: str, _target: str) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    tree = Path(value(pico.firmware("RPI_PICO")(Path(), 128), "MPY_DIR"))
    assert (tree / "mpy-cross/main.c").is_file()


@pytest.mark.parametrize("command", [pico.firmware("RPI_PICO"), pico.bootstub])
def test_a_compiler_without_its_libraries_names_the_packages(
    monkeypatch: pytest.MonkeyPatch, command: "pico.Command"
) -> None:
    monkeypatch.setattr(pico, "_has_library", lambda name: name != "libm.a")
    with pytest.raises(MissingTool, match="apt-get install libnewlib-arm-none-eabi"):
        command(Path(), 128)
