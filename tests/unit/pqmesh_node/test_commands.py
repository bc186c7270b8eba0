# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command registry: every outcome becomes (ok, value); a board outlives its commands."""

import pytest

from pqmesh_node.commands import MAX_COMMANDS, After, CommandError, Commands, whole_number


@pytest.fixture
def commands():
    return Commands()


async def test_a_plain_handler_answers(commands):
    commands.add("double", lambda args: whole_number(args, "n") * 2)
    assert await commands.run("double", {"n": 21}) == (True, 42)


async def test_a_decorated_async_handler_answers(commands):
    @commands.add("later")
    async def later(args):
        return args["x"]

    assert await commands.run("later", {"x": "y"}) == (True, "y")


async def test_after_passes_through(commands):
    commands.add("reset", lambda args: After("restarting", lambda: None))
    ok, value = await commands.run("reset", {})
    assert ok
    assert isinstance(value, After)


async def test_an_unknown_command_lists_the_known(commands):
    commands.add("b", lambda args: 1)
    commands.add("a", lambda args: 1)
    assert await commands.run("c", {}) == (False, "unknown command c; there are: a, b")


async def test_a_refusal_is_a_text(commands):
    def refuse(args):
        raise CommandError("the valve is stuck")

    commands.add("valve", refuse)
    assert await commands.run("valve", {}) == (False, "the valve is stuck")


async def test_a_missing_argument_is_named(commands):
    commands.add("double", lambda args: args["n"])
    assert await commands.run("double", {}) == (False, "double needs the argument n")


@pytest.mark.parametrize("value", ["1", 1.0, True, None])
async def test_a_wrong_argument_is_named(commands, value):
    commands.add("double", lambda args: whole_number(args, "n"))
    assert await commands.run("double", {"n": value}) == (False, "n: want a whole number")


async def test_a_bug_in_a_handler_does_not_stop_the_board(commands):
    commands.add("bug", lambda args: 1 // 0)
    ok, text = await commands.run("bug", {})
    assert not ok
    assert text.startswith("bug failed: ZeroDivisionError")


@pytest.mark.parametrize("name", ["", "x" * 33])
def test_a_bad_name_is_refused(commands, name):
    with pytest.raises(ValueError):
        commands.add(name, lambda args: 1)


def test_the_table_is_bounded_but_replacing_is_free(commands):
    for number in range(MAX_COMMANDS):
        commands.add(f"c{number}", lambda args: 1)
    commands.add("c0", lambda args: 2)
    with pytest.raises(ValueError, match="at most 32"):
        commands.add("one more", lambda args: 1)
