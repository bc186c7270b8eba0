# SPDX-License-Identifier: MIT OR Apache-2.0
"""The models' runner: it reads verdicts rightly, and a wrong verdict fails."""

import stat
from pathlib import Path

import pytest

from tools import formal

OUTPUT = """
RESULT inj-event(IAccept(a,b,k_2)) && event(Honest(b)) ==> inj-event(RCommit(b,k_2)) is true.
RESULT inj-event(RAccept(a,b,k_2)) ==> inj-event(ICommit(a,b,k_2)) is false.
RESULT (even event(RAccept(a,b,k_2)) ==> event(ICommit(a,b,k_2)) is false.)
RESULT event(IAccept(a,b,k_2)) && attacker_key_p1(k_2) ==> event(CompSig(b)) cannot be proved.
"""


def fake_proverif(folder: Path, output: str) -> str:
    program = folder / "proverif"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_one_verdict_per_query() -> None:
    assert formal.verdicts_in(OUTPUT) == ("true", "false", "unproved")


def test_every_expected_run_has_its_model_and_a_verdict() -> None:
    for run in formal.load():
        assert (formal.FORMAL / f"{run.model}.pv.in").is_file()
        assert run.verdicts, run.name


def test_17_the_models_are_able_to_fail() -> None:
    """Each handshake has at least one mutation whose verdict differs from the honest run's."""
    runs = formal.load()
    for model in ("hsk", "hsr", "hss"):
        assert {"true", "false"} <= {word for r in runs if r.model == model for word in r.verdicts}


def test_17_an_unexpected_verdict_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROVERIF", fake_proverif(tmp_path, "RESULT query is false."))
    assert formal.main(["chain"]) == 1
    assert "EXPECTED true true true false" in capsys.readouterr().out


def test_a_refused_model_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "proverif"
    program.write_text("#!/bin/sh\necho Syntax error; exit 2\n")
    program.chmod(0o755)
    with pytest.raises(RuntimeError, match="exited 2: Syntax error"):
        formal.check(formal.load()[0], str(program))


def test_without_proverif_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PROVERIF", raising=False)
    monkeypatch.setenv("PATH", "")
    assert formal.main([]) == 0
    assert "skipped" in capsys.readouterr().out


def test_an_unknown_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVERIF", fake_proverif(tmp_path, ""))
    assert formal.main(["nonsense"]) == 2
