# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small deterministic CBOR (RFC 8949, section 4.2.1), the same on both Pythons.

Speaks integers of 64 bits, byte and text strings, arrays, maps, booleans, null and floats.
``encode`` has one output per value: shortest heads, shortest float, map keys in the bytewise
order of their encodings (keys are integers or strings), definite lengths. ``decode`` refuses
everything else, save that it takes a float of any width: a board cannot tell whether a shorter
one would have done.
Tags, ``undefined`` and indefinite lengths are refused.
"""

import struct

from .compat import TYPE_CHECKING, const
from .errors import Malformed, UsageError

if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = const(6)  # nesting of arrays and maps: bounds the C stack of a board

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_FALSE = const(20)
_TRUE = const(21)
_NULL = const(22)
_HALF = const(25)
_SINGLE = const(26)
_DOUBLE = const(27)
_HALF_NAN = const(0x7E00)


def encode(value: "Any") -> bytes:
    """Return the one encoding of ``value``.

    :raises UsageError: a type CBOR lacks here, an integer over 64 bits, nesting over MAX_DEPTH
    """
    out = bytearray()
    _put(out, value, MAX_DEPTH)
    return bytes(out)


def decode(data: bytes) -> "Any":
    """Return the value that ``data``, the whole of it, encodes.

    :raises Malformed: truncated, trailing bytes, not deterministic, or nested too deep
    """
    view = memoryview(data)
    value, at = _take(view, 0, MAX_DEPTH)
    if at != len(view):
        raise Malformed("%d bytes after the CBOR item" % (len(view) - at))
    return value


def _put_head(out: bytearray, major: int, argument: int) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    for exponent in range(4):
        if argument < 1 << (8 << exponent):
            out.append(major << 5 | (24 + exponent))
            out.extend(argument.to_bytes(1 << exponent, "big"))
            return
    raise UsageError("integer over 64 bits")


def _put(out: bytearray, value: "Any", depth: int) -> None:
    if value is None:
        out.append(_SIMPLE << 5 | _NULL)
    elif value is True or value is False:
        out.append(_SIMPLE << 5 | (_TRUE if value else _FALSE))
    elif isinstance(value, int):
        if value < 0:
            _put_head(out, _NINT, -1 - value)
        else:
            _put_head(out, _UINT, value)
    elif isinstance(value, float):
        _put_float(out, value)
    elif isinstance(value, (bytes, bytearray)):
        _put_head(out, _BYTES, len(value))
        out.extend(value)
    elif isinstance(value, str):
        text = value.encode()
        _put_head(out, _TEXT, len(text))
        out.extend(text)
    else:
        _put_container(out, value, depth)


def _put_container(out: bytearray, value: "Any", depth: int) -> None:
    if not isinstance(value, (list, tuple, dict)):
        raise UsageError("CBOR cannot carry a " + type(value).__name__)
    if not depth:
        raise UsageError("nested more than %d deep" % MAX_DEPTH)
    if not isinstance(value, dict):
        _put_head(out, _ARRAY, len(value))
        for item in value:
            _put(out, item, depth - 1)
        return
    pairs = []
    for key in value:
        if key is True or key is False or not isinstance(key, (int, str, bytes)):
            raise UsageError("a CBOR map key is an integer or a string")
        encoded = bytearray()
        _put(encoded, key, 0)
        pairs.append((bytes(encoded), key))
    _put_head(out, _MAP, len(pairs))
    pairs.sort(key=_encoded_key)
    for encoded_key, key in pairs:
        out.extend(encoded_key)
        _put(out, value[key], depth - 1)


def _encoded_key(pair: "tuple[bytes, Any]") -> bytes:
    return pair[0]


def _put_float(out: bytearray, value: float) -> None:
    if value != value:  # every NaN becomes the one of RFC 8949, section 4.2.2
        out.append(_SIMPLE << 5 | _HALF)
        out.extend(_HALF_NAN.to_bytes(2, "big"))
        return
    double = struct.pack(">d", value)
    single = _narrowed(int.from_bytes(double, "big"), 11, 52, 8, 23)
    if single is None:
        out.append(_SIMPLE << 5 | _DOUBLE)
        out.extend(double)
        return
    half = _narrowed(single, 8, 23, 5, 10)
    if half is None:
        out.append(_SIMPLE << 5 | _SINGLE)
        out.extend(single.to_bytes(4, "big"))
    else:
        out.append(_SIMPLE << 5 | _HALF)
        out.extend(half.to_bytes(2, "big"))


def _narrowed(
    bits: int, exponent_bits: int, fraction_bits: int, to_exponent: int, to_fraction: int
) -> "int | None":
    """Return an IEEE 754 number in a narrower format, or None when that loses something."""
    fraction = bits & ((1 << fraction_bits) - 1)
    biased = bits >> fraction_bits & ((1 << exponent_bits) - 1)
    sign = bits >> (fraction_bits + exponent_bits) << (to_exponent + to_fraction)
    shift = fraction_bits - to_fraction
    if not biased and not fraction:
        return sign
    if biased == (1 << exponent_bits) - 1:  # infinity; NaN never gets here
        return sign | ((1 << to_exponent) - 1) << to_fraction
    exponent = biased - (1 << (exponent_bits - 1)) + (1 << (to_exponent - 1))
    if exponent >= (1 << to_exponent) - 1:
        return None
    if exponent <= 0:  # subnormal in the narrow format
        fraction |= 1 << fraction_bits
        shift += 1 - exponent
        exponent = 0
    if fraction & ((1 << shift) - 1):
        return None
    return sign | exponent << to_fraction | fraction >> shift


def _take_head(view: memoryview, at: int) -> "tuple[int, int, int]":
    """Return (initial byte, argument, where the content begins)."""
    if at >= len(view):
        raise Malformed("truncated CBOR")
    initial = view[at]
    at += 1
    size = initial & 31
    if size < 24:
        return initial, size, at
    if size > 27:
        raise Malformed("indefinite or reserved CBOR length")
    end = at + (1 << (size - 24))
    if end > len(view):
        raise Malformed("truncated CBOR")
    argument = int.from_bytes(bytes(view[at:end]), "big")
    # a float's argument is its bits; anything else must have needed this many bytes
    if initial >> 5 != _SIMPLE and argument < (24 if size == 24 else 1 << (4 << (size - 24))):
        raise Malformed("CBOR head is not the shortest")
    return initial, argument, end


def _take(view: memoryview, at: int, depth: int) -> "tuple[Any, int]":
    initial, argument, at = _take_head(view, at)
    major = initial >> 5
    if major == _UINT:
        return argument, at
    if major == _NINT:
        return -1 - argument, at
    if major in (_BYTES, _TEXT):
        return _take_string(view, at, argument, major)
    if major == _SIMPLE:
        return _simple(initial & 31, argument), at
    if major == _TAG:
        raise Malformed("CBOR tags are not spoken here")
    if not depth:
        raise Malformed("CBOR nested too deep")
    if argument > len(view) - at:  # each item takes a byte at least
        raise Malformed("truncated CBOR")
    if major == _ARRAY:
        items = []
        for _ in range(argument):
            item, at = _take(view, at, depth - 1)
            items.append(item)
        return items, at
    return _take_map(view, at, argument, depth)


def _take_string(view: memoryview, at: int, size: int, major: int) -> "tuple[Any, int]":
    if size > len(view) - at:
        raise Malformed("truncated CBOR")
    raw = bytes(view[at : at + size])
    if major == _BYTES:
        return raw, at + size
    try:
        return raw.decode(), at + size
    except UnicodeError:
        raise Malformed("CBOR text is not UTF-8")


def _take_map(view: memoryview, at: int, pairs: int, depth: int) -> "tuple[Any, int]":
    result = {}
    previous = b""
    for _ in range(pairs):
        begin = at
        if at < len(view) and view[at] >> 5 > _TEXT:  # 1, 1.0 and True would collide in a dict
            raise Malformed("a CBOR map key is an integer or a string")
        key, at = _take(view, at, 0)
        encoded = bytes(view[begin:at])
        if encoded <= previous:
            raise Malformed("CBOR map keys are not in order")
        previous = encoded
        result[key], at = _take(view, at, depth - 1)
    return result, at


def _simple(size: int, argument: int) -> "Any":
    if size in (_FALSE, _TRUE):
        return size == _TRUE
    if size == _NULL:
        return None
    if size == _HALF:
        return _half(argument)
    if size == _SINGLE:
        return struct.unpack(">f", argument.to_bytes(4, "big"))[0]
    if size == _DOUBLE:
        return struct.unpack(">d", argument.to_bytes(8, "big"))[0]
    raise Malformed("CBOR simple value %d" % argument)


def _half(bits: int) -> float:
    exponent = bits >> 10 & 31
    fraction = bits & 0x3FF
    sign = -1.0 if bits >> 15 else 1.0
    if exponent == 31:
        wide = (bits >> 15) << 31 | 0x7F800000 | fraction << 13
        return struct.unpack(">f", wide.to_bytes(4, "big"))[0]  # type: ignore[no-any-return]
    if not exponent:
        return sign * fraction / (1 << 24)
    return sign * (0x400 | fraction) * (1 << exponent) / (1 << 25)
