# SPDX-License-Identifier: MIT OR Apache-2.0
"""apt runs in a state of its own: nothing of the system's is read but mirror, keys, transport."""

import subprocess
from pathlib import Path

import pytest

from tools.firmware import apt, pins, toolchain
from tools.firmware.errors import FirmwareError, MissingTool
from tools.firmware.progress import Progress

MACHINE = """\
Acquire::http::Proxy "http://cache.test:3142";
Acquire::https::CaInfo "/etc/ca.pem";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::MetaKey "x";
APT::Update::Post-Invoke:: "rm -rf /var/cache/apt";
Dir::State "var/lib/apt";
"""


def pin() -> pins.Pin:
    return pins.Pin("micropython", "micropython", "sid", "1-1", "source", {"m_1-1.dsc": "0" * 64})


def settings_of(text: str) -> dict[str, str]:
    pairs = (line.rstrip(";").split(" ", 1) for line in text.splitlines())
    return {key: value.strip('"') for key, value in pairs}


class TestPrivateConfiguration:
    def test_every_place_apt_writes_to_is_ours(self, tmp_path: Path) -> None:
        found = settings_of(apt.private_configuration(tmp_path, MACHINE))
        for key in ("Dir::State", "Dir::State::lists", "Dir::State::status", "Dir::Cache"):
            assert Path(found[key]).is_relative_to(tmp_path)

    def test_the_system_s_sources_hooks_and_preferences_are_out_of_reach(
        self, tmp_path: Path
    ) -> None:
        text = apt.private_configuration(tmp_path, MACHINE)
        found = settings_of(text)
        for key in ("sourceparts", "main", "parts", "preferences", "preferencesparts"):
            assert found[f"Dir::Etc::{key}"] == "/dev/null"
        assert "Post-Invoke" not in text
        assert "DEP-11" not in text

    def test_proxies_and_certificates_are_taken_over(self, tmp_path: Path) -> None:
        found = settings_of(apt.private_configuration(tmp_path, MACHINE))
        assert found["Acquire::http::Proxy"] == "http://cache.test:3142"
        assert found["Acquire::https::CaInfo"] == "/etc/ca.pem"
        assert found["Acquire::Retries"] == "3"

    @pytest.mark.skipif(toolchain.missing(["apt-config"]) != [], reason="this machine has no apt")
    def test_apt_itself_understands_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "apt.conf"
        path.write_text(apt.private_configuration(tmp_path, ""), encoding="utf-8")
        monkeypatch.setenv("APT_CONFIG", str(path))
        done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
        dumped = settings_of(done.stdout)
        assert dumped["Dir::State"] == str(tmp_path)
        assert dumped["Dir::Etc::sourceparts"] == "/dev/null"


class TestMirrors:
    def test_the_user_s_choice_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://chosen.test/debian")
        assert [mirror.uri for mirror in apt.mirrors()] == ["http://chosen.test/debian"]

    def test_a_machine_without_debian_mirror_says_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(apt.MIRROR_VARIABLE, raising=False)
        monkeypatch.setattr(apt, "_machine_repositories", lambda: iter(()))
        with pytest.raises(FirmwareError, match=apt.MIRROR_VARIABLE):
            apt.mirrors()


class TestDownload:
    def test_every_mirror_is_tried_and_every_refusal_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        two = [apt.Repository(f"http://m{n}.test/debian", ("sid",), ("main",)) for n in (1, 2)]
        asked = []

        def refuse(environment: dict[str, str], command: list[str], cwd: Path) -> None:
            asked.append(Path(environment["APT_CONFIG"]).with_name("mirror.sources").read_text())
            raise FirmwareError(f"apt-get {command[0]}: refused {len(asked)}")

        monkeypatch.setattr(apt.paths, "APT_STATE", tmp_path)
        monkeypatch.setattr(apt.toolchain, "require", lambda programs: None)
        monkeypatch.setattr(apt, "mirrors", lambda: two)
        monkeypatch.setattr(apt, "_apt", refuse)
        with pytest.raises(FirmwareError, match=r"(?s)refused 1.*refused 2"):
            apt.download(pin(), tmp_path, Progress("test", quiet=True))
        assert ["m1.test" in asked[0], "m2.test" in asked[1]] == [True, True]

    def test_a_missing_apt_names_the_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(MissingTool, match="apt-get install apt"):
            apt.download(pin(), tmp_path, Progress("test", quiet=True))
