# SPDX-License-Identifier: MIT OR Apache-2.0
"""The doorman: who gets a RETRY, whose echo is let in, and what nobody can make it believe."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh import kdf
from pqmesh.engine import entry
from pqmesh.engine.entry import admission, admission_key, rtag_of
from pqmesh.engine.stamps import MAX_HANDSHAKE_BITS
from pqmesh.errors import BadTag, Malformed, ProtocolError, Unexpected, UnknownKind
from pqmesh.limits import RADIO_LINK, SERIAL_LINK
from pqmesh.wire.entry import ADMITTED, NO_MODE, decode_hello, decode_retry
from pqmesh.wire.handshake import HS_K, HS_RK, HS_S
from support.entries import ALICE, BOB, CREDENTIAL, Open, caller, doorman

HERE = b"where"
NETWORK = admission_key(b"N" * 32)


def exchanged(one=None, other=None, address=HERE, now=0):
    """Up to the RETRY taken; returns caller, doorman."""
    one = one or caller()
    other = other or doorman()
    while not one.on_retry(other.on_hello(one.hello, address, now)):
        pass
    return one, other


def stamped(one):
    while one.stamp is not None and not one.stamp.step(50):
        pass
    return one.echo()


def flips(octets):
    for bit in range(8 * len(octets)):
        spoilt = bytearray(octets)
        spoilt[bit // 8] ^= 1 << bit % 8
        yield bytes(spoilt)


def test_both_sides_settle_the_same_and_the_doorman_keeps_nothing():
    door = doorman()
    before = {name: value for name, value in vars(door).items() if name != "_jar"}
    one, _ = exchanged(other=door)
    theirs = door.admit(one.echo() + b"the rest of M1", HERE, 0)
    assert theirs == one.entry
    assert (theirs.hello, theirs.mode, theirs.credential) == (one.hello, HS_K, CREDENTIAL)
    assert (theirs.version, theirs.suite, theirs.admitted, theirs.mtu) == (1, 1, False, 222)
    assert theirs.nonce_i == decode_hello(one.hello).nonce
    assert theirs.nonce_r == decode_retry(theirs.retry).nonce
    assert {name: value for name, value in vars(door).items() if name != "_jar"} == before


def test_a_stranger_costs_one_hash_and_one_hmac(monkeypatch):
    door, hello = doorman(), caller().hello
    door.on_hello(hello, HERE, 0)  # draws the key
    work = []
    for name in ("domain_hash", "hmac_sha256"):
        real = getattr(kdf, name)
        spy = lambda *a, name=name, real=real: work.append(name) or real(*a)  # noqa: E731
        monkeypatch.setattr(entry, name, spy, raising=False)
        monkeypatch.setattr("pqmesh.engine.cookies." + name, spy, raising=False)
    door.on_hello(hello, HERE, 0)
    assert sorted(work) == ["domain_hash", "hmac_sha256"]
    for_another = caller(peer_id=ALICE.peer_id).hello
    work.clear()
    with pytest.raises(Unexpected):
        door.on_hello(for_another, HERE, 0)
    assert work == ["domain_hash"]


def test_the_tag_is_of_this_name_and_this_nonce():
    text = b"pqmesh1 rtag" + BOB.peer_id + b"n" * 16
    assert rtag_of(BOB.peer_id, b"n" * 16) == hashlib.sha256(text).digest()[:6]
    hello = decode_hello(caller().hello)
    assert hello.rtag == rtag_of(BOB.peer_id, hello.nonce)


def test_hello_to_another_node_draws_nothing():
    with pytest.raises(Unexpected, match="another node"):
        doorman(identity=ALICE).on_hello(caller().hello, HERE, 0)
    # ... but one to nobody in particular is for everybody
    strangers = {"floors": Open()}
    retry = doorman(**strangers).on_hello(caller(HS_S, None).hello, HERE, 0)
    assert decode_retry(retry).mode() == HS_S


def test_property_02_every_bit_of_the_echo_counts():
    one, door = exchanged()
    for spoilt in flips(one.echo()):
        with pytest.raises(ProtocolError):
            door.admit(spoilt, HERE, 0)


def test_property_02_every_bit_of_hello_counts():
    """Changed on its way, HELLO gets no RETRY, or one with which its sender's M1 is not let in."""
    for spoilt in flips(caller().hello):
        one, door = caller(), doorman(floors=Open())
        try:
            retry = door.on_hello(spoilt, HERE, 0)
            one.on_retry(retry)
        except ProtocolError:
            continue
        with pytest.raises(BadTag):
            door.admit(one.echo(), HERE, 0)


def test_property_06_a_forged_retry_never_lowers_the_mode():
    one, door = exchanged()
    genuine = one.entry.retry
    for spoilt in flips(genuine):
        again = caller()
        try:
            if not again.on_retry(spoilt):
                continue
        except ProtocolError:
            continue
        assert again.entry.mode == HS_K
        while again.stamp is not None and not again.stamp.step(5_000):
            pass
        with pytest.raises(BadTag):
            door.admit(again.echo(), HERE, 0)


def test_a_cookie_is_for_one_address():
    one, door = exchanged()
    with pytest.raises(BadTag):
        door.admit(one.echo(), b"elsewhere", 0)


def test_property_15_cookies_outlive_a_handshake_wherever_the_keys_change():
    life = RADIO_LINK.cookie_ms()
    assert life == 2 * RADIO_LINK.handshake_ms
    for begin in (0, life - 1, life, life + life // 2, 3 * life - 1):
        one, door = exchanged(now=begin)
        for late in (0, RADIO_LINK.handshake_ms, life):
            assert door.admit(one.echo(), HERE, begin + late) == one.entry
        with pytest.raises(BadTag):
            door.admit(one.echo(), HERE, begin + 2 * life)


@given(st.lists(st.integers(1, 400_000), max_size=6), st.integers(0, 10**7))
@settings(max_examples=40)
def test_property_15_a_slow_handshake_among_others(gaps, begin):
    one, door = exchanged(now=begin)
    other = caller(nonce=b"o" * 16)
    now = begin
    for gap in gaps:
        now += gap
        door.on_hello(other.hello, HERE, now)
        if now - begin <= RADIO_LINK.cookie_ms():
            assert door.admit(one.echo(), HERE, now) == one.entry


def test_a_restart_of_the_doorman_ends_its_cookies():
    one, _ = exchanged()
    fresh = doorman()
    fresh._context.entropy(32)
    with pytest.raises(BadTag):
        fresh.admit(one.echo(), HERE, 0)


@pytest.mark.parametrize("short", [0, 1, 53])
def test_less_than_an_echo_is_malformed(short):
    one, door = exchanged()
    with pytest.raises(Malformed):
        door.admit(one.echo()[:short], HERE, 0)


def test_a_future_version_speaks_the_present_one_with_the_present_side():
    future = {"versions": (2, 1), "suites": (2, 1)}
    for ours, theirs, version, suite in (
        (future, future, 2, 2),
        (future, {}, 1, 1),
        ({}, future, 1, 1),
        ({"suites": (1, 2)}, future, 1, 2),
    ):
        one, door = exchanged(caller(**ours), doorman(**theirs))
        settled = door.admit(one.echo(), HERE, 0)
        assert settled == one.entry
        assert (settled.version, settled.suite) == (version, suite)
    with pytest.raises(UnknownKind):
        doorman().on_hello(caller(versions=(2, 3)).hello, HERE, 0)
    with pytest.raises(UnknownKind):
        doorman().on_hello(caller(suites=(2,)).hello, HERE, 0)


@pytest.mark.parametrize("field", [2, 3])
def test_property_06_a_stripped_bitmap_is_found_out(field):
    """Version 2 stripped from HELLO: RETRY says 1, which is offered; M1 is not let in."""
    future = {"versions": (2, 1), "suites": (2, 1)}
    one, door = caller(**future), doorman(**future)
    hello = one.hello
    stripped = hello[:field] + b"\x02" + hello[field + 1 :]
    assert stripped != hello
    assert one.on_retry(door.on_hello(stripped, HERE, 0))
    assert 1 in (one.entry.version, one.entry.suite)
    with pytest.raises(BadTag):
        door.admit(one.echo(), HERE, 0)
    # Changing the echo as well gives the two sides different HELLOs in th0.
    echo = bytearray(one.echo())
    echo[-7 + field] = 0x02
    theirs = door.admit(bytes(echo), HERE, 0)
    assert theirs.hello == stripped != one.entry.hello
    assert theirs.retry == one.entry.retry


def test_property_06_any_mode_stripped_or_added_is_found_out():
    for wish, changed in ((True, 0xDF & 0xA1), (False, 0xA1)):
        one, door = caller(any_mode=wish), doorman(floors=Open())
        assert one.hello[1] == (0xA1 if wish else 0x81)
        hello = one.hello[:1] + bytes((changed if wish else 0xA1,)) + one.hello[2:]
        assert one.on_retry(door.on_hello(hello, HERE, 0))
        assert one.entry.mode == HS_K
        with pytest.raises(BadTag):
            door.admit(one.echo(), HERE, 0)


def mode_for(one, **options):
    return decode_retry(doorman(**options).on_hello(one.hello, HERE, 0)).mode()


def test_the_mode_is_the_one_wished_or_none():
    stale = caller(credential=b"stale id")
    assert mode_for(caller()) == HS_K
    assert mode_for(stale, floors=Open()) == NO_MODE
    assert mode_for(caller(), keyring=None, floors=Open()) == NO_MODE
    assert mode_for(caller(HS_S), floors=Open()) == HS_S
    assert mode_for(caller(HS_S), floors=Open(False)) == NO_MODE
    assert mode_for(caller(HS_RK), floors=Open()) == NO_MODE


def test_any_mode_gives_hs_s_where_strangers_are_let_in():
    stale = caller(credential=b"stale id", any_mode=True)
    assert mode_for(stale, floors=Open()) == HS_S
    assert mode_for(stale, floors=Open(False)) == NO_MODE
    assert mode_for(caller(any_mode=True), floors=Open()) == HS_K


def test_without_floors_the_link_decides_about_strangers():
    assert mode_for(caller(HS_S)) == NO_MODE
    assert mode_for(caller(HS_S), link=SERIAL_LINK) == HS_S


def test_the_mtu_is_told_as_far_as_it_goes():
    retry = doorman(link=SERIAL_LINK).on_hello(caller().hello, HERE, 0)
    assert decode_retry(retry).mtu == 255


def test_the_admission_mac():
    hello = caller(admission_key=NETWORK).hello
    assert kdf.derive(b"N" * 32, b"admit") == NETWORK
    assert hello[-8:] == kdf.hmac_sha256(NETWORK, hello[:-8])[:8] == admission(NETWORK, hello)


def test_a_member_is_spared_the_stamp():
    one = caller(admission_key=NETWORK)
    door = doorman(stamp_bits=8, admission_keys=lambda: (b"x" * 32, NETWORK))
    one, door = exchanged(one, door)
    settled = door.admit(one.echo(), HERE, 0)
    assert settled == one.entry
    assert (settled.admitted, one.stamp) == (True, None)


def test_a_stranger_brings_its_stamp_or_is_not_let_in():
    one, door = exchanged(other=doorman(stamp_bits=8))
    echo = stamped(one)
    assert door.admit(echo, HERE, 0) == one.entry
    assert not one.entry.admitted
    without = echo[:40] + bytes(8) + echo[48:]
    with pytest.raises(BadTag, match="stamp"):
        door.admit(without, HERE, 0)


def test_no_more_is_asked_than_a_caller_does():
    retry = doorman(stamp_bits=40).on_hello(caller().hello, HERE, 0)
    assert decode_retry(retry).stamp_bits() == MAX_HANDSHAKE_BITS
    assert decode_retry(retry).suite() == 1


def test_a_stamp_is_for_this_responder_even_if_it_has_no_name():
    one = caller(HS_S, None, bytes(8))
    one, door = exchanged(one, doorman(stamp_bits=6, floors=Open()))
    assert door.admit(stamped(one), HERE, 0) == one.entry


def test_a_mac_nobody_knows_makes_a_stranger():
    for keys in (None, lambda: (), lambda: (b"x" * 32,)):
        one, door = exchanged(caller(admission_key=NETWORK), doorman(admission_keys=keys))
        assert door.admit(one.echo(), HERE, 0) == one.entry
        assert not one.entry.admitted


def test_a_mac_nobody_knows_does_not_spare_the_stamp():
    door = doorman(stamp_bits=4, admission_keys=lambda: (b"x" * 32,))
    one = caller(admission_key=NETWORK)
    retry = door.on_hello(one.hello, HERE, 0)
    assert decode_retry(retry).terms & 0x1F == 4
    assert not decode_retry(retry).admitted()
    one, door = exchanged(one, door)  # it says HELLO again, without the MAC
    assert not decode_hello(one.hello).wish & ADMITTED
    assert door.admit(stamped(one), HERE, 0) == one.entry


def test_so_many_keys_are_tried_and_no_more():
    many = [bytes([n]) * 32 for n in range(entry.ADMISSION_KEYS)]
    last = caller(admission_key=many[-1])
    one, _ = exchanged(last, doorman(admission_keys=lambda: many))
    assert one.entry.admitted
    one, _ = exchanged(
        caller(admission_key=NETWORK), doorman(admission_keys=lambda: [*many, NETWORK])
    )
    assert not one.entry.admitted


def test_without_a_retry_hello_alone_settles_it():
    door, one = doorman(link=SERIAL_LINK), caller()
    settled = door.greet(one.hello)
    assert (settled.hello, settled.retry, settled.nonce_r) == (one.hello, b"", b"")
    assert (settled.mode, settled.credential, settled.version) == (HS_K, CREDENTIAL, 1)
    assert door.greet(caller(credential=b"stale id").hello).mode == NO_MODE
    with pytest.raises(Unexpected):
        door.greet(caller(peer_id=ALICE.peer_id).hello)


@given(st.binary(max_size=80))
def test_garbage_is_refused(octets):
    door = doorman()
    for take in (door.greet, lambda o: door.on_hello(o, HERE, 0)):
        with pytest.raises(ProtocolError):
            take(octets)
    with pytest.raises(ProtocolError):
        door.admit(octets, HERE, 0)
