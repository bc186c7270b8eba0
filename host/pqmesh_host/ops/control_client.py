# SPDX-License-Identifier: MIT OR Apache-2.0
"""Client of a node's control socket, blocking: for the command line and for tests."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import OperatorError
from .control_socket import LINE_BYTES

CONNECT_S = 5.0
ANSWER_S = 10.0
"""How long a running node may take over a request that waits for nobody else."""

MAX_LINE_BYTES = 64 * LINE_BYTES
"""A status of many peers is longer than any request."""


class NodeUnreachable(OperatorError):
    """No node answers on the control socket."""

    exit_code = 7


class RequestFailed(OperatorError):
    """The node understood and said no; carries its words and its code."""

    def __init__(self, message: str, advice: str, code: int) -> None:
        super().__init__(message, advice)
        self.exit_code = code


class ControlClient:
    """One connection, opened by the first request. A context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._received = b""
        self._ids = itertools.count(1)

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def request(self, op: str, *, answer_s: float = ANSWER_S, **arguments: Any) -> Any:
        """Ask for ``op`` and return its result.

        :raises NodeUnreachable: nobody is there, or the node stopped
        :raises RequestFailed: the node refused
        """
        ident = next(self._ids)
        line = json.dumps({"id": ident, "op": op, **arguments}).encode() + b"\n"
        with self._explained():
            connection = self._connected()
            connection.settimeout(answer_s)
            connection.sendall(line)
            while True:
                answer = self._next_line()
                if answer.get("id") in (ident, None) and "ok" in answer:
                    break
        if not answer["ok"]:
            error = answer["error"]
            raise RequestFailed(error["message"], error["advice"], error["code"])
        return answer["result"]

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the node's events as they happen, until the node stops.

        :raises NodeUnreachable: nobody is there
        """
        self.request("subscribe")
        if self._socket is not None:
            self._socket.settimeout(None)
        with contextlib.suppress(ConnectionError):
            while True:
                event = self._next_line()
                if "event" in event:
                    yield event

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(CONNECT_S)
            self._socket.connect(str(self._path))
        return self._socket

    def _next_line(self) -> dict[str, Any]:
        connection = self._connected()
        while b"\n" not in self._received:
            chunk = connection.recv(LINE_BYTES)
            if not chunk or len(self._received) > MAX_LINE_BYTES:
                raise ConnectionResetError("the node closed the connection")
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            self.close()
            raise NodeUnreachable(
                f"The node at {self._path} does not answer.",
                "It may be busy or stuck; look at what `pqmesh gateway run` prints.",
            ) from error
        except PermissionError as error:
            self.close()
            raise NodeUnreachable(
                f"You may not use the control socket {self._path}.",
                "Run the command as the user who runs the node.",
            ) from error
        except OSError as error:
            self.close()
            raise NodeUnreachable(
                f"No node answers at {self._path}.",
                "Is it running? Start it with `pqmesh gateway run` or `pqmesh peer run`, or name "
                "its configuration with --config.",
            ) from error
