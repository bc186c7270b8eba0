# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an operator sets on a board. One CBOR map in the record ``settings``.

A class of values rather than a frozen dataclass: MicroPython has none. Every value is
checked when it is set or loaded, so the rest of the package may rely on it.
"""

from pqmesh import cbor
from pqmesh.errors import Malformed
from pqmesh.record import Record, replace

from .compat import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from .store import Store

RECORD = "settings"
NAME_BYTES = 32  # UTF-8 octets
MIN_INTERVAL_MS = 100
MAX_INTERVAL_MS = 86_400_000  # one day
PEER_ID_BYTES = 32


class SettingsError(ValueError):
    """A setting has an impossible value; the text names it and says what is allowed."""


class Settings(Record):
    """The settings; an immutable value, changed by ``changed()``.

    name            what people call this board; told to whoever asks for ``status``
    interval_ms     time between two rounds of readings
    expect          PeerId (32 bytes) of the gateway this board belongs to, or None
    led_pin         what machine.Pin() takes for the board's LED, or None
    autostart       whether main.py starts the node at power-up
    radio           whether the data link leads to a radio modem, used as the stored plan says
    """

    FIELDS = ("name", "interval_ms", "expect", "led_pin", "autostart", "radio")
    if TYPE_CHECKING:
        name: str
        interval_ms: int
        expect: "bytes | None"
        led_pin: "int | str | None"
        autostart: bool
        radio: bool


def default() -> Settings:
    return Settings("board", 10_000, None, None, True, False)


def changed(settings: Settings, **values: "Any") -> Settings:
    """A checked copy with some values replaced. Raises SettingsError."""
    for key in values:
        if key not in Settings.FIELDS:
            raise SettingsError("no setting %r; there are: %s" % (key, ", ".join(Settings.FIELDS)))
    if "expect" in values:
        values["expect"] = _peer_id(values["expect"])
    result = replace(settings, **values)
    _check(result)
    return result


def load(store: "Store") -> "Settings | None":
    """The stored settings; None when the board was never set up. Raises SettingsError."""
    image = store.load(RECORD)
    if image is None:
        return None
    try:
        values = cbor.decode(image)
    except Malformed as error:
        raise SettingsError("the settings record does not parse (%s); set it again" % error)
    if not isinstance(values, dict):
        raise SettingsError("the settings record is not a map; set it again")
    # A record of a newer firmware may hold more; what this one does not know it leaves out.
    known = {key: value for key, value in values.items() if key in Settings.FIELDS}
    return changed(default(), **known)


def save(store: "Store", settings: Settings) -> None:
    _check(settings)
    store.save(RECORD, cbor.encode({key: getattr(settings, key) for key in Settings.FIELDS}))


def _peer_id(value: "Any") -> "Any":
    """Accept what a person types (64 hex digits) as well as the 32 bytes."""
    if not isinstance(value, str):
        return value
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise SettingsError("expect: %r is not hexadecimal; want 64 digits" % value)


def _check(settings: Settings) -> None:
    if not isinstance(settings.name, str) or not 1 <= len(settings.name.encode()) <= NAME_BYTES:
        raise SettingsError("name: want 1 to %d bytes of text" % NAME_BYTES)
    interval = settings.interval_ms
    if not _is_int(interval) or not MIN_INTERVAL_MS <= interval <= MAX_INTERVAL_MS:
        raise SettingsError(
            "interval_ms: want a whole number, %d to %d" % (MIN_INTERVAL_MS, MAX_INTERVAL_MS)
        )
    expect = settings.expect
    if expect is not None and (not isinstance(expect, bytes) or len(expect) != PEER_ID_BYTES):
        raise SettingsError("expect: want a PeerId of 64 hex digits, or None")
    if settings.led_pin is not None and not (
        _is_int(settings.led_pin) or isinstance(settings.led_pin, str)
    ):
        raise SettingsError("led_pin: want what machine.Pin() takes (a number or a name), or None")
    for name in ("autostart", "radio"):
        if getattr(settings, name) not in (True, False) or _is_int(getattr(settings, name)):
            raise SettingsError("%s: want True or False" % name)


def _is_int(value: "Any") -> bool:
    return isinstance(value, int) and value is not True and value is not False
