# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of the C crypto's costs, and the gate that keeps it."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import pqc
from benchmarks.pqc_cases import CASES, SIGNED_MESSAGES, Bench, Figure, WrongResult, workspaces
from tools.cyclesim import CORES, Machine, build

needs_arm = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)


@pytest.fixture
def reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "figures.json"
    monkeypatch.setattr(pqc, "REFERENCE", path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["pqc", "--cores", "m0plus", "--only", "keccak", *arguments])
    return pqc.main()


@needs_arm
def test_the_gate_passes_what_was_recorded_and_stops_two_percent_more(
    reference: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pqc, "CASES", [case for case in CASES if case.workspace is None])
    assert run(monkeypatch, "--record") == 0
    assert run(monkeypatch, "--check") == 0

    stored = json.loads(reference.read_text())
    figures = stored["m0plus -O2"]["figures"]["keccak-f[1600]"]
    figures["cycles"] = int(figures["cycles"] / 1.03)
    reference.write_text(json.dumps(stored))
    assert run(monkeypatch, "--check") == 1
    assert "m0plus -O2, keccak-f[1600], cycles" in capsys.readouterr().err

    stored["m0plus -O2"]["compiler"] = "another"
    reference.write_text(json.dumps(stored))
    assert run(monkeypatch, "--check") == 0
    assert "not checked" in capsys.readouterr().out


def test_every_figure_is_compared() -> None:
    before = {"case": {"cycles": 1000, "ram_bytes": 100}, "code": {"data": 0}}
    now = {"case": {"cycles": 1020, "ram_bytes": 103}, "code": {"data": 1}, "new": {"cycles": 9}}
    found = pqc.exceeded("core", now, before)
    assert [line.split(":")[0] for line in found] == ["core, case, ram_bytes", "core, code, data"]


def test_a_row_shows_the_ratio_to_the_target() -> None:
    case = next(case for case in CASES if case.name == "dsa sign")
    line = pqc.row(case, Figure(cycles=10_500_000, ram_bytes=3840, stack_bytes=500), "m4")
    assert line.split() == [
        "dsa",
        "sign",
        "10,500,000",
        "0.50",
        "3,840",
        "B",
        "0.50",
        "stack",
        "500",
    ]


def test_reference_figures_exist_for_both_calibrated_cores() -> None:
    stored = pqc.load_reference()
    for core in ("m4", "m0plus"):
        names = set(stored[f"{core} -O2"]["figures"])
        assert names >= {case.name for case in CASES}


def test_the_messages_are_all_different_and_the_workspaces_known() -> None:
    assert len(set(SIGNED_MESSAGES)) == 20
    known = workspaces()
    assert {case.workspace for case in CASES if case.workspace} <= set(known)


@needs_arm
def test_a_wrong_result_is_no_figure(tmp_path: Path) -> None:
    """A machine whose ML-KEM does nothing must not report how fast it was."""
    source = tmp_path / "nothing.c"
    names = ("pqc_kem_expand", "pqc_kem_decapsulate_expanded", "pqc_kem_keypair")
    source.write_text("\n".join(f"int {name}(void) {{ return -1; }}" for name in names))
    core = CORES["m0plus"]
    image = build([source], core, options=("-Os",), output_dir=tmp_path, entries=names)
    with pytest.raises(WrongResult, match="returned -1"):
        Bench(Machine(image, core)).kem_keypair()


needs_valgrind = pytest.mark.skipif(
    shutil.which("valgrind") is None, reason="valgrind is not installed"
)


def run_host(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(
        "sys.argv", ["pqc", "--cores", "host", "--only", "kem keypair", *arguments]
    )
    return pqc.main()


@needs_valgrind
def test_this_machine_is_a_row_too_and_repeats_exactly(
    reference: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_host(monkeypatch, "--record") == 0
    assert run_host(monkeypatch, "--check") == 0
    assert "host -O2, gcc" in capsys.readouterr().out
    figures = json.loads(reference.read_text())["host -O2"]["figures"]
    assert set(figures) == {"kem keypair", "code: ML-KEM, ML-DSA, SHA-3", "code: all of it"}
    assert 100_000 < figures["kem keypair"]["cycles"] < 2_000_000
    assert figures["code: all of it"]["data"] == figures["code: all of it"]["bss"] == 0


def test_without_valgrind_the_row_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "valgrind" else which(name))
    assert run_host(monkeypatch) == 1
    assert "apt-get install valgrind" in capsys.readouterr().err
