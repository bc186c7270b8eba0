# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a board does at power-up: the user's program first, then settings, then advice."""

import pytest

from pqmesh_node import board, boot
from pqmesh_node.entropy import EntropyFailure
from pqmesh_node.settings import RECORD, SettingsError
from pqmesh_node.store import StoreError


@pytest.fixture
def power_up(tmp_path, monkeypatch):
    """Run main() on a board whose state is in tmp_path; returns what it did."""
    monkeypatch.setattr(board, "_directory", str(tmp_path / "state"))
    monkeypatch.setattr(boot.time, "sleep", lambda seconds: None)
    did: list[str] = []
    monkeypatch.setattr(boot, "restart", lambda: did.append("restart"))

    def main(failure: BaseException | None = None) -> list[str]:
        def start() -> None:
            did.append("node")
            if failure is not None:
                raise failure

        boot.main(str(tmp_path / "main.py"), start)
        return did

    return main


def test_a_board_never_set_up_says_how_and_gives_the_prompt(power_up, capsys):
    assert power_up() == []
    assert "pqmesh_node.setup(" in capsys.readouterr().out


def test_a_board_set_up_becomes_a_node_and_says_how_to_get_the_prompt(power_up, capsys):
    board.setup(name="greenhouse")
    assert power_up() == ["node"]
    assert "Ctrl-C gives the REPL" in capsys.readouterr().out


def test_autostart_off_gives_the_prompt(power_up):
    board.setup(autostart=False)
    assert power_up() == []


def test_the_users_program_owns_the_board(power_up, tmp_path, capsys):
    board.setup(name="greenhouse")
    (tmp_path / "main.py").write_text("print('mine', __name__)")
    assert power_up() == []
    assert capsys.readouterr().out == "mine __main__\n"


@pytest.mark.parametrize(
    "failure", [SettingsError("bad"), StoreError("full"), EntropyFailure("stuck")]
)
def test_what_only_an_operator_can_mend_gives_the_prompt(power_up, capsys, failure):
    board.setup(name="greenhouse")
    assert power_up(failure) == ["node"]
    assert f"not started: {failure}" in capsys.readouterr().out


def test_a_damaged_settings_record_gives_the_prompt(power_up, capsys):
    board.store().save(RECORD, b"\xff")
    assert power_up() == []
    assert "set it again" in capsys.readouterr().out


def test_a_bug_is_printed_and_the_board_restarts(power_up, capsys):
    board.setup(name="greenhouse")
    assert power_up(RuntimeError("a bug")) == ["node", "restart"]
    printed = capsys.readouterr()
    assert "RuntimeError: a bug" in printed.err
    assert "restarting in 5 s" in printed.out


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_leaving_on_purpose_is_not_a_bug(power_up, stop):
    board.setup(name="greenhouse")
    with pytest.raises(stop):
        power_up(stop())
