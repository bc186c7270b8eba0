# SPDX-License-Identifier: MIT OR Apache-2.0
"""Profiles of the links of constrained-design 2.3: LoRa of any modulation, BLE, AX.25.

    lora(modulation)      from its time on air; 222 octets a frame, as LoRaWAN's largest
    ble(att_mtu)          frames ride in segments of att_mtu - 4 octets, the link layer repeats
    ax25(bits_per_second) every frame keys the transmitter up for 300 ms

Frames are ours, from 221 octets on; what is narrower cuts them below, as L2CAP does
(docs/links.md). Nothing here is held until it is asked for.
"""

from .airtime.lora import LoraModulation
from .compat import TYPE_CHECKING, const
from .errors import UsageError
from .limits import RADIO_LINK, SERIAL_LINK, replace

if TYPE_CHECKING:
    from .limits import LinkProfile

TURNAROUND_MS = const(80)  # of a LoRa modem and its driver (constrained-design 2.3)
GAP_MS = const(20)  # between two frames of one sender
BLE_INTERVAL_US = const(30_000)  # one connection event
BLE_WRITES = const(4)  # per connection event, conservative for MicroPython
AX25_KEY_UP_MS = const(300)  # TXDELAY
AX25_OVERHEAD = const(22)  # octets: addresses 14, control, PID, FCS 2, flags 2, and to spare
_STUFFING = const(103)  # per cent: HDLC's zero bits
_TRIES = const(8)
_SHORT = const(14)  # octets of a SACK: the line through the airtimes begins here
_HANDSHAKE_FRAMES = const(250)  # three times what HS-S takes, in frames of one MTU


def lora(modulation: LoraModulation, mtu: int = 222, silence_ms: int = 0) -> "LinkProfile":
    """The profile of a LoRa link.

    :param silence_ms: how long a peer may be silent because its duty cycle forbids it to speak;
        3,600,000 where a handshake may exceed the budget of an hour
    """
    short_us = modulation.time_on_air_us(_SHORT)
    octets_us = modulation.time_on_air_us(mtu) - short_us
    full_ms = modulation.time_on_air_us(mtu) // 1000 + 1 + GAP_MS
    fixed_us = short_us - octets_us * _SHORT // (mtu - _SHORT)
    least = 2 * TURNAROUND_MS + short_us // 1000
    most = max(16 * full_ms, silence_ms // 4)
    link = replace(
        RADIO_LINK,
        mtu=mtu,
        bits_per_second=8_000_000 * (mtu - _SHORT) // octets_us,
        frame_ms=fixed_us // 1000 + 1 + GAP_MS,
        ack_delay_ms=full_ms // 2,
        min_rto_ms=least,
        max_rto_ms=most,
        tries=_TRIES,
        answer_ms=RADIO_LINK.answer_ms + silence_ms,
        handshake_ms=max(_HANDSHAKE_FRAMES * full_ms + 2 * silence_ms, 2 * most),
    )
    return replace(link, tries=_tries_for(link, silence_ms)) if silence_ms else link


def _tries_for(link: "LinkProfile", silence_ms: int) -> int:
    """How often to ask so that the last question comes when the silence may be over."""
    tries = waited_ms = 0
    while waited_ms < silence_ms or tries < _TRIES:
        waited_ms += min(link.sack_ms() << tries // 2, link.max_rto_ms)
        tries += 1
    return tries


def ble(att_mtu: int = 247) -> "LinkProfile":
    """The profile of a BLE link: its own flow control and repetition, a frame in segments.

    :raises UsageError: ``att_mtu`` is not in 23..517
    """
    if not 23 <= att_mtu <= 517:
        raise UsageError("an ATT MTU of %d is not in 23..517" % att_mtu)
    segment = att_mtu - 4  # ATT header 3, segment header 1
    return replace(
        SERIAL_LINK,
        bits_per_second=8_000_000 * segment * BLE_WRITES // BLE_INTERVAL_US,
        octet_bits=8,
        frame_ms=BLE_INTERVAL_US // BLE_WRITES // 1000,
        turnaround_ms=BLE_INTERVAL_US // 1000,
        burst=32,
    )


def ax25(bits_per_second: int = 1_200) -> "LinkProfile":
    """The profile of a packet-radio link through a TNC that keys up for every frame."""
    rate = bits_per_second * 100 // _STUFFING
    fixed_ms = AX25_KEY_UP_MS + GAP_MS + AX25_OVERHEAD * 8_000 // rate
    full_ms = fixed_ms + 256 * 8_000 // rate
    turnaround_ms = AX25_KEY_UP_MS + 50
    return replace(
        RADIO_LINK,
        mtu=256,
        bits_per_second=rate,
        frame_ms=fixed_ms,
        turnaround_ms=turnaround_ms,
        ack_delay_ms=full_ms // 2,
        min_rto_ms=2 * turnaround_ms + fixed_ms,
        max_rto_ms=16 * full_ms,
        tries=_TRIES,
        handshake_ms=_HANDSHAKE_FRAMES * full_ms,
    )


def link_profile(name: str) -> "LinkProfile":
    """The profile of a link by its name in a configuration; NAMES lists them.

    :raises UsageError: no such link
    """
    if name not in NAMES:
        raise UsageError("no link profile %r; one of: %s" % (name, " ".join(NAMES)))
    kind, value, other = NAMES[name]
    if kind == "lora":
        return lora(LoraModulation(value, other))
    if kind == "ble":
        return ble(value)
    return ax25(value) if kind == "ax25" else SERIAL_LINK


NAMES = {
    "serial": ("serial", 0, 0),
    "lora-sf7": ("lora", 7, 125_000),
    "lora-sf7-500": ("lora", 7, 500_000),
    "lora-sf8": ("lora", 8, 125_000),
    "lora-sf9": ("lora", 9, 125_000),
    "lora-sf10": ("lora", 10, 125_000),
    "lora-sf11-250": ("lora", 11, 250_000),
    "lora-sf12": ("lora", 12, 125_000),
    "ble-23": ("ble", 23, 0),
    "ble-247": ("ble", 247, 0),
    "ax25-1200": ("ax25", 1_200, 0),
    "ax25-9600": ("ax25", 9_600, 0),
}
