# SPDX-License-Identifier: MIT OR Apache-2.0
"""How events and tables look to people. Everything that came from a peer is cleaned first."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

SHORT_DIGITS = 16
"""Of a PeerId; the first 8 octets, as pqmesh.identity.short."""

STYLES = {
    "started": "bold",
    "stopped": "bold",
    "session-open": "green",
    "peer-open": "green",
    "link-open": "green",
    "reading": "cyan",
    "command": "magenta",
    "reply": "magenta",
    "link-lost": "red",
    "session-lost": "red",
    "peer-lost": "red",
    "wrong-key": "bold red",
    "session-refused": "yellow",
    "peer-refused": "yellow",
    "link-waiting": "yellow",
    "airtime": "yellow",
    "dropped": "yellow",
}
LONGEST_TEXT = 300


def clean(text: object) -> str:
    """Text from elsewhere without control characters (terminals obey those) and of sane length."""
    shown = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text)
    )
    return shown if len(shown) <= LONGEST_TEXT else shown[: LONGEST_TEXT - 1] + "…"


def short(peer: object) -> str:
    """The first 16 digits of a PeerId."""
    return clean(peer)[:SHORT_DIGITS]


def event_line(event: Mapping[str, Any]) -> Text:
    """One event on one line: when, what, who, over what, octets, how long, the rest."""
    kind = clean(event.get("event", "?"))
    moment = datetime.datetime.fromtimestamp(event.get("at_ms", 0) / 1000)
    columns = (
        f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}",
        f"{kind:<15}",
        f"{short(event.get('peer', '')):<{SHORT_DIGITS}}",
        f"{clean(event.get('over', '')):<22}",
        f"{_amount(event.get('wire_bytes'), 'B'):>9}",
        f"{_amount(event.get('ms'), 'ms'):>10}",
        "",
    )
    line = Text("  ".join(columns), style=STYLES.get(kind, ""))
    return line.append(summary(event))


def summary(event: Mapping[str, Any]) -> str:
    """What is particular about one kind of event, in words."""
    describe = _SUMMARIES.get(str(event.get("event")))
    words = [describe(event)] if describe else []
    if event.get("text"):
        words.append(clean(event["text"]))
    if "retry_in_ms" in event:
        words.append(f"next try in {event['retry_in_ms'] / 1000:g} s")
    return "; ".join(words)


def _reading(event: Mapping[str, Any]) -> str:
    value = f"{clean(event.get('name'))} = {clean(event.get('value'))} {clean(event.get('unit'))}"
    via = event.get("via")
    return value.rstrip() + (f"  via {short(via)}" if via != event.get("peer") else "")


def _command(event: Mapping[str, Any]) -> str:
    arguments = event.get("args")
    pairs = arguments.items() if isinstance(arguments, Mapping) else ()
    words = [clean(event.get("command")), *(f"{clean(k)}={clean(v)}" for k, v in pairs)]
    return " ".join(words) + (f"  to {short(event['to'])}" if "to" in event else "")


def _reply(event: Mapping[str, Any]) -> str:
    outcome = "done" if event.get("ok") else "refused"
    return f"{outcome}: {clean(event.get('result'))}"


def _initiator(event: Mapping[str, Any]) -> str:
    began = "we connected" if event.get("initiator") else "it connected"
    return f"{began}, resumed" if event.get("resumed") else began


_SUMMARIES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "started": lambda event: (
        f"{clean(event.get('role'))} on udp {clean(event.get('quic'))}"
        + "".join(f", link {clean(name)}" for name in event.get("links", ()))
    ),
    "session-open": _initiator,
    "peer-open": _initiator,
    "reading": _reading,
    "command": _command,
    "reply": _reply,
    "forwarded": lambda event: f"{clean(event.get('kind'))} acknowledged",
    "wrong-key": lambda event: f"expected {short(event.get('expected'))}",
    "lost": lambda event: f"{event.get('count')} events; this listener was too slow",
}


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A plain table; every cell is cleaned."""
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(clean(cell)) for cell in row))
    return shown


def console(stderr: bool = False) -> Console:
    """Standard output, or error: colours on a terminal, plain and unwrapped elsewhere."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=stderr)


def _amount(value: object, unit: str) -> str:
    return f"{value:,} {unit}" if isinstance(value, int) else ""
