# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a board can be told to do: a registry of named commands that programs extend.

    @node.commands.add("valve")
    def valve(args):
        pin(args["open"])
        return pin()

A handler takes the map of arguments and returns the value of the reply (anything CBOR of
pqmesh carries), or is an ``async def`` that does. It refuses by raising CommandError; its text
goes to whoever asked.
"""

from .compat import TYPE_CHECKING
from .settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_COMMANDS = 32
NAME_BYTES = 32


class CommandError(Exception):
    """The command cannot be carried out; the text is the reply."""


class After:
    """A reply value, and what to do once the reply is safely on its way (a restart, say)."""

    def __init__(self, value: "Any", action: "Callable[[], None]") -> None:
        self.value = value
        self.action = action


class Commands:
    """Handlers by name, at most MAX_COMMANDS of them."""

    def __init__(self) -> None:
        self._handlers: "dict[str, Callable[[dict[str, Any]], Any]]" = {}

    def add(self, name: str, handler: "Callable[[dict[str, Any]], Any] | None" = None) -> "Any":
        """Register a handler; without one, returns a decorator. Replaces one of that name.

        Raises ValueError when the name is empty or too long, or the table is full.
        """
        if handler is None:
            return lambda function: self.add(name, function)
        if not 1 <= len(name.encode()) <= NAME_BYTES:
            raise ValueError("command name: want 1 to %d bytes" % NAME_BYTES)
        if name not in self._handlers and len(self._handlers) >= MAX_COMMANDS:
            raise ValueError("at most %d commands" % MAX_COMMANDS)
        self._handlers[name] = handler
        return handler

    def names(self) -> "list[str]":
        return sorted(self._handlers)

    async def run(self, name: str, args: "dict[str, Any]") -> "tuple[bool, Any]":
        """(ok, value) of one command; a refusal and a bad argument are ok=False and a text.

        Any other exception is a bug in a handler. It is reported to the asker as a failure,
        because a board must outlive the commands it is given, and to the operator by the
        caller, who counts what is not ok.
        """
        handler = self._handlers.get(name)
        if handler is None:
            return False, "unknown command %s; there are: %s" % (name, ", ".join(self.names()))
        try:
            value = handler(args)
            if hasattr(value, "send"):  # what an async def returns, on both Pythons
                value = await value
        except (CommandError, SettingsError) as error:
            return False, str(error)
        except KeyError as error:
            return False, "%s needs the argument %s" % (name, error.args[0])
        except Exception as error:  # noqa: BLE001 (the top of a task; see the docstring)
            return False, "%s failed: %s %s" % (name, type(error).__name__, error)
        return True, value


def whole_number(args: "dict[str, Any]", key: str) -> int:
    """args[key] when it is an int; raises CommandError or KeyError."""
    value = args[key]
    if not isinstance(value, int) or value is True or value is False:
        raise CommandError("%s: want a whole number" % key)
    return value
