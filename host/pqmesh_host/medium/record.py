# SPDX-License-Identifier: MIT OR Apache-2.0
"""What happened on a medium, written down and worked out again.

One JSON object a line. The first says what the medium was; then come its inputs and, as they
become known, what became of every frame at every receiver:

    {"medium": 1, "settings": {...}}
    {"at_us": 0, "join": 0}
    {"at_us": 1200, "send": 0, "frame": "4f0a..."}
    {"at_us": 94312, "from": 0, "to": 1, "fate": "received", "frame": "4f0a..."}

``replay`` gives the inputs to a fresh medium of the same settings, seed included, at the same
times, and compares the fates. It repeats what the *medium* did, exactly. It does not repeat the
nodes: firmware in an emulator and processes in real time send at other times when run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from pqmesh.errors import UsageError

from .model import Reception
from .modem import Air, Modem, ModemConfig, QueueFull
from .settings import MediumSettings

VERSION = 1


class BadRecord(Exception):
    """This is no record of a medium, or one of another version; says where."""


class Writer:
    """Writes a record. ``file`` stays its owner's."""

    def __init__(self, file: TextIO, settings: MediumSettings) -> None:
        self._file = file
        self._put({"medium": VERSION, "settings": settings.as_json()})

    def joined(self, at_us: int, node: int) -> None:
        self._put({"at_us": at_us, "join": node})

    def sent(self, at_us: int, node: int, frame: bytes) -> None:
        """A node has handed a frame to its modem."""
        self._put({"at_us": at_us, "send": node, "frame": frame.hex()})

    def ended(self, reception: Reception) -> None:
        self._put(fate_of(reception))

    def _put(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of a replay."""

    frames: int
    fates: Counter[str]
    """Receptions of the replay, by outcome."""

    differs: str = ""
    """The first fate that is not as recorded, in words; empty: all are the same."""


def fate_of(reception: Reception) -> dict[str, Any]:
    return {
        "at_us": reception.at_us,
        "from": reception.sender,
        "to": reception.receiver,
        "fate": reception.outcome,
        "frame": reception.frame.hex(),
    }


def replay(lines: Iterable[str], seed: int | None = None) -> Replayed:
    """Work out a record again.

    :param seed: the dice of another medium, with the same inputs: shows what else could have been
    :raises BadRecord: it cannot be read
    """
    entries = _entries(lines)
    head = next(entries, {})
    if head.get("medium") != VERSION:
        raise BadRecord(f"line 1 does not begin a record of version {VERSION}")
    try:
        settings = MediumSettings.from_json(head["settings"])
        if seed is not None:
            settings = MediumSettings.from_json({**settings.as_json(), "seed": seed})
        return _work_out(Air(settings.config(), ModemConfig()), entries)
    except (KeyError, TypeError, ValueError, IndexError, UsageError, QueueFull) as error:
        raise BadRecord(f"a line that no medium has written: {error!r}") from error


def _work_out(air: Air, entries: Iterable[dict[str, Any]]) -> Replayed:
    modems: list[Modem] = []
    fates: list[dict[str, Any]] = []
    recorded: list[dict[str, Any]] = []
    frames = 0
    for entry in entries:
        at_us = entry["at_us"]
        if "fate" in entry:
            recorded.append(entry)
            continue
        fates += [fate_of(reception) for reception in air.advance(at_us)]
        if "join" in entry:
            modems.append(air.join(str(entry["join"])))
        else:
            frames += 1
            modems[entry["send"]].offer(bytes.fromhex(entry["frame"]), at_us)
    if recorded:  # a record ends when its medium does, perhaps with frames in the air
        fates += [fate_of(reception) for reception in air.advance(recorded[-1]["at_us"])]
    counts = Counter(fate["fate"] for fate in fates)
    return Replayed(frames=frames, fates=counts, differs=_difference(recorded, fates))


def _difference(recorded: list[dict[str, Any]], fates: list[dict[str, Any]]) -> str:
    for number, (before, now) in enumerate(zip(recorded, fates, strict=False), 1):
        if before != now:
            return f"reception {number}: recorded {_words(before)}, now {_words(now)}"
    if len(recorded) != len(fates):
        return f"{len(recorded)} receptions were recorded, now there are {len(fates)}"
    return ""


def _words(fate: dict[str, Any]) -> str:
    return f"{fate['from']} to {fate['to']} at {fate['at_us']} us {fate['fate']}"


def _entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise BadRecord(f"line {number} is not JSON") from error
        if not isinstance(entry, dict):
            raise BadRecord(f"line {number} is not a JSON object")
        yield entry
