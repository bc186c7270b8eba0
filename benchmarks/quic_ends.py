# SPDX-License-Identifier: MIT OR Apache-2.0
"""One load between two processes: the server's is made for it, the client's is ours.

CPU is user plus system time of both: the figure that survives a busy machine.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import multiprocessing
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from . import quic_ours, quic_stock
from .quic_load import Load, Outcome, Served

LIMIT_S = 120.0


class StackFailed(Exception):
    """A stack did not carry its load; says how it failed."""


def run(load: Load) -> Outcome:
    """Carry one load between two fresh processes.

    :raises StackFailed: it did not arrive
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(load, theirs), daemon=True)
    server.start()
    try:
        return asyncio.run(_drive(load, ours, server))
    except Exception as error:  # a foreign stack may raise anything
        raise StackFailed(f"{load.stack}: {type(error).__name__}: {error}") from error
    finally:
        server.terminate()
        server.join()


def available(stack: str) -> bool:
    """Whether the packages of a stack are installed."""
    return stack != "qh3" or importlib.util.find_spec("qh3") is not None


def _module(load: Load) -> Any:
    return quic_ours if load.stack.startswith("pqmesh") else quic_stock


def _serve(load: Load, pipe: Connection) -> None:
    logging.getLogger("quic").setLevel(logging.ERROR)
    asyncio.run(_module(load).serve(load, pipe))


async def _drive(load: Load, pipe: Connection, server: SpawnProcess) -> Outcome:
    async def ask() -> Served:
        pipe.send("report")
        served: Served = await asyncio.to_thread(_hear, pipe, server)
        return served

    address = await asyncio.to_thread(_hear, pipe, server)
    async with asyncio.timeout(LIMIT_S):
        outcome: Outcome = await _module(load).drive(load, address, ask)
        return outcome


def _hear(pipe: Connection, server: SpawnProcess) -> Any:
    """The server's next word; RuntimeError when it dies or says nothing in time."""
    deadline = time.monotonic() + LIMIT_S
    while not pipe.poll(0.1):
        if not server.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server process does not answer")
    return pipe.recv()
