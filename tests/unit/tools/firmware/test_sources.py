# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sources are taken only with the pinned SHA-256, and appear whole or not at all."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.firmware import sources
from tools.firmware.errors import FirmwareError
from tools.firmware.pins import Pin, Pins
from tools.firmware.progress import Progress

ARCHIVE = b"not really a package"
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


def pin(version: str, sha256: str = SHA256) -> Pin:
    return Pin("thing", "thing", "sid", version, "binary", {f"thing_{version}_all.deb": sha256})


class Mirror:
    """A mirror in memory: which versions it has, and what it really sends."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def download(self, wanted: Pin, into: Path, progress: Progress) -> None:
        self.asked.append(wanted.version)
        if wanted.version not in self.files:
            raise FirmwareError(f"no {wanted.version}")
        for name in wanted.files:
            (into / name).write_bytes(self.files[wanted.version])
        (into / "stray").write_bytes(b"apt left this")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    mirror = Mirror()
    monkeypatch.setattr(sources.paths, "SOURCES", tmp_path / "sources")
    monkeypatch.setattr(sources.paths, "DOWNLOADS", tmp_path / "downloads")
    monkeypatch.setattr(sources.apt, "download", mirror.download)
    monkeypatch.setattr(sources.toolchain, "require", lambda programs: None)
    return mirror


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def pinned(*candidates: Pin) -> None:
        monkeypatch.setattr(sources.pins, "load", lambda: Pins(1, {"thing": candidates}))

    return pinned


@pytest.fixture
def unpacker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`dpkg-deb` that makes the folder it was asked for."""
    script = tmp_path / "bin" / "dpkg-deb"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\nmkdir -p "$3" && cp "$2" "$3/content"\n', encoding="ascii")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")


def fetch() -> sources.SourceTree:
    return sources.fetch_tree("thing", Progress("test", quiet=True))


@pytest.mark.usefixtures("unpacker")
class TestFetch:
    def test_downloads_once(self, mirror: Mirror, pinned: Callable[..., None]) -> None:
        pinned(pin("1"))
        mirror.files["1"] = ARCHIVE
        first, second = fetch(), fetch()
        assert first == second
        assert (first.path / "content").read_bytes() == ARCHIVE
        assert mirror.asked == ["1"]

    def test_falls_back_to_the_next_version(
        self, mirror: Mirror, pinned: Callable[..., None]
    ) -> None:
        pinned(pin("2"), pin("1"))
        mirror.files["1"] = ARCHIVE
        assert fetch().version == "1"
        assert mirror.asked == ["2", "1"]

    def test_a_version_at_hand_is_not_asked_for_again(
        self, mirror: Mirror, pinned: Callable[..., None]
    ) -> None:
        pinned(pin("1"))
        mirror.files["1"] = ARCHIVE
        fetch()
        pinned(pin("2"), pin("1"))
        assert fetch().version == "1"
        assert mirror.asked == ["1"]

    def test_a_wrong_hash_is_refused_and_never_worked_around(
        self, mirror: Mirror, pinned: Callable[..., None], tmp_path: Path
    ) -> None:
        pinned(pin("2"), pin("1"))
        mirror.files = {"2": b"tampered", "1": ARCHIVE}
        with pytest.raises(sources.RefusedFile, match="SHA-256"):
            fetch()
        assert mirror.asked == ["2"]
        assert list((tmp_path / "downloads").iterdir()) == []
        assert not (tmp_path / "sources").exists()

    def test_a_file_damaged_after_its_download_is_refused(
        self, mirror: Mirror, pinned: Callable[..., None], tmp_path: Path
    ) -> None:
        pinned(pin("1"))
        mirror.files["1"] = ARCHIVE
        tree = fetch()
        (download,) = (tmp_path / "downloads").rglob("*.deb")
        download.write_bytes(b"bit rot")
        tree.path.rename(tmp_path / "gone")
        with pytest.raises(sources.RefusedFile):
            fetch()
        assert fetch().version == "1"  # it was thrown away and comes anew

    def test_nothing_to_be_had_tells_every_reason(
        self, mirror: Mirror, pinned: Callable[..., None]
    ) -> None:
        pinned(pin("2"), pin("1"))
        with pytest.raises(FirmwareError, match=r"(?s)no 2.*no 1"):
            fetch()

    def test_the_identity_is_made_of_the_hashes(
        self, mirror: Mirror, pinned: Callable[..., None]
    ) -> None:
        pinned(pin("1"))
        mirror.files["1"] = ARCHIVE
        assert SHA256 in fetch().identity


def test_a_failed_unpacking_leaves_nothing(
    mirror: Mirror, pinned: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "dpkg-deb"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\nmkdir -p "$3"; echo broken >&2; exit 2\n', encoding="ascii")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    pinned(pin("1"))
    mirror.files["1"] = ARCHIVE
    with pytest.raises(FirmwareError, match="broken"):
        fetch()
    assert list((tmp_path / "sources").iterdir()) == []


class TestUserTree:
    def test_micropy_dir_is_used_as_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "py").mkdir()
        (tmp_path / "py" / "mpconfig.h").write_text(
            "#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 27\n"
            "#define MICROPY_VERSION_MICRO 0\n",
            encoding="ascii",
        )
        monkeypatch.setenv("MICROPY_DIR", str(tmp_path))
        before = sources.fetch_tree("micropython")
        assert (before.path, before.version) == (tmp_path, "1.27.0")
        (tmp_path / "py" / "obj.c").write_text("int x;", encoding="ascii")
        assert sources.fetch_tree("micropython").identity != before.identity

    @pytest.mark.parametrize("place", ["", "missing"])
    def test_a_wrong_micropy_dir_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
    ) -> None:
        monkeypatch.setenv("MICROPY_DIR", str(tmp_path / place))
        with pytest.raises(FirmwareError, match="MICROPY_DIR"):
            sources.fetch_tree("micropython")


def test_verify_reads_large_files_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * (3 << 20))
    sources.verify(path, hashlib.sha256(b"x" * (3 << 20)).hexdigest())
    with pytest.raises(sources.RefusedFile):
        sources.verify(path, "0" * 64)
