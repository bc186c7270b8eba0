# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line lints itself: commands teach, options explain, errors help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pqmesh_host import errors
from pqmesh_host.cli import main as subject
from pqmesh_host.cli.commands import status
from pqmesh_host.cli.context import Context
from pqmesh_host.cli.main import main
from pqmesh_host.errors import OperatorError

COMMANDS_FOLDER = Path(subject.__file__).parent / "commands"


def walk(command: click.Command, path: str = "pqmesh") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from walk(inner, f"{path} {name}")


ALL = list(walk(main))
LEAVES = [(path, command) for path, command in ALL if not isinstance(command, click.Group)]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_says_what_it_does(path: str, command: click.Command) -> None:
    assert command.help
    first = command.help.splitlines()[0]
    assert first[0].isupper()
    assert first.endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.name}"
            assert parameter.help[0].isupper() or parameter.help.startswith("The ")
            assert parameter.help.endswith(".")


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_command_shows_an_example_of_itself(path: str, command: click.Command) -> None:
    assert re.search(rf"^ +{re.escape(path)}", command.help or "", re.MULTILINE)


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_command_has_json(path: str, command: click.Command) -> None:
    assert any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("path", [path for path, _ in ALL])
def test_help_works_and_fits_a_terminal(path: str) -> None:
    result = CliRunner().invoke(main, [*path.split()[1:], "--help"], terminal_width=80)
    assert result.exit_code == 0
    assert path in result.output
    assert max(map(len, result.output.splitlines())) <= 80


def test_every_file_under_commands_is_a_command() -> None:
    files = {path.stem for path in COMMANDS_FOLDER.glob("*.py")} - {"__init__"}
    assert files == set(main.commands)


def test_every_exit_code_is_documented_once() -> None:
    def all_below(kind: type[OperatorError]) -> Iterator[type[OperatorError]]:
        yield kind
        for inner in kind.__subclasses__():
            yield from all_below(inner)

    shown = CliRunner().invoke(main, ["--help"]).output.split("Exit codes:")[1]
    documented = {int(code) for code in re.findall(r"\b(\d+) [a-z]", shown)}
    ours = {
        kind.exit_code for kind in all_below(OperatorError) if kind.__module__.startswith("pqmesh")
    }
    assert ours <= documented
    listed = {int(code) for code in re.findall(r"^ +\w+ +(\d)\b", errors.__doc__ or "", re.M)}
    assert ours - {1, 2} <= listed


class BrokenContext(Context):
    """Any use of the node fails in a chosen way."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def client(self, socket: Path) -> None:  # type: ignore[override]
        raise self.error


def test_an_error_becomes_advice_and_an_exit_code() -> None:
    error = errors.StoreError("It broke.", "Mend it.")
    result = CliRunner().invoke(main, ["status", "--socket", "x"], obj=BrokenContext(error))
    assert (result.exit_code, result.stdout) == (8, "")
    assert result.stderr == "Error: It broke.\n  Mend it.\n"


def test_an_error_without_advice_is_one_line() -> None:
    result = CliRunner().invoke(
        main, ["status", "--socket", "x"], obj=BrokenContext(OperatorError("It broke."))
    )
    assert (result.exit_code, result.stderr) == (1, "Error: It broke.\n")


def test_an_interruption_has_the_shells_code() -> None:
    result = CliRunner().invoke(
        main, ["status", "--socket", "x"], obj=BrokenContext(KeyboardInterrupt())
    )
    assert result.exit_code == 130


def test_a_bug_is_not_dressed_up() -> None:
    result = CliRunner().invoke(
        main, ["status", "--socket", "x"], obj=BrokenContext(ZeroDivisionError())
    )
    assert isinstance(result.exception, ZeroDivisionError)


def test_wrong_usage_has_its_own_code() -> None:
    assert CliRunner().invoke(main, ["status", "--jsno"]).exit_code == 2
    assert status.status in main.commands.values()


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(main, ["--version"]).output.startswith("pqmesh, version ")
