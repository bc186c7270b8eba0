# SPDX-License-Identifier: MIT OR Apache-2.0
"""What lies before M1 is what the entry exchange settled, and names the initiator's CID."""

from pqmesh.engine.front import NO_FRONT, front_of
from support.entries import caller, doorman


def test_a_front_holds_both_frames_whole_and_the_cid():
    man = doorman()
    ours = caller()
    ours.on_retry(man.on_hello(ours.hello, b"", 0))
    front = front_of(ours.entry, ours.echo())
    assert (front.hello, front.retry) == (ours.hello, ours.entry.retry)
    assert front.octets == ours.echo()
    assert front.cid == int.from_bytes(ours.entry.nonce_i[:2], "big")


def test_where_nothing_is_before_m1_nothing_is():
    assert (NO_FRONT.hello, NO_FRONT.retry, NO_FRONT.octets) == (b"", b"", b"")
