# SPDX-License-Identifier: MIT OR Apache-2.0
"""The keyring: which key is current, which is still honoured, which credential is refused."""

import pytest

from pqmesh.credentials import keyring as rings
from pqmesh.credentials.book import GRACE_S
from pqmesh.credentials.keyring import PeerState, credential_id_of
from pqmesh.credentials.own import restore
from pqmesh.errors import (
    BadKey,
    BadTag,
    Exhausted,
    Malformed,
    ProtocolError,
    Unexpected,
    UsageError,
)
from pqmesh_host.crypto import HostCrypto
from support.credentials import DAY, START, Clock, Disk, Owner
from support.simulation import CRYPTO

ALICE, BOB, EVE = Owner(b"alice"), Owner(b"bob"), Owner(b"eve")
FIRST = BOB.epoch(1)
BOBS = BOB.credential(FIRST)


def ring(owner=ALICE, epochs=(), **options):
    own = owner.keyring(**options)
    for epoch in epochs:
        own.adopt(epoch)
    return own


# Our own


def test_without_an_epoch_there_is_no_key():
    mine = ring()
    assert (mine.current(), mine.own(bytes(8))) == (None, None)
    for ask in (mine.credential, mine.rotate):
        with pytest.raises(UsageError):
            ask()


def test_the_credential_is_what_a_peer_learns():
    mine = ring(BOB, [BOB.epoch(4)])
    key = mine.current()
    assert mine.own(key.credential_id) is key
    assert mine.own(b"another!") is None
    theirs = ring()
    learnt = theirs.learn(mine.credential(), CRYPTO)
    assert (learnt.peer_id, learnt.epoch, learnt.public) == (BOB.peer_id, 4, key.public)
    assert learnt.credential_id == key.credential_id
    assert theirs.peer(BOB.peer_id) == theirs.find_peer(key.credential_id) == learnt
    assert theirs.peer(EVE.peer_id) is None
    assert theirs.find_peer(b"another!") is None
    ciphertext, shared = CRYPTO.kem_encapsulate(learnt.public, bytes(32))
    assert CRYPTO.kem_decapsulate(key.seed, ciphertext) == shared


def test_property_13_old_and_new_agree_while_epochs_and_slots_change():
    """Two peers move on at different times; at every moment what one holds the other honours."""
    clock = Clock()
    mine = ring(BOB, clock=clock)
    theirs = ring(clock=clock)
    for number in range(1, 6):
        mine.adopt(BOB.epoch(number, clock.now_s, slots=3))
        for rotation in range(3):
            for learns in (False, True):  # first the peer knows the key before, then this one
                if learns:
                    theirs.learn(mine.credential(), CRYPTO)
                held = theirs.peer(BOB.peer_id)
                if held is None:
                    continue
                own = mine.own(held.credential_id)
                assert own is not None, (number, rotation, learns)
                assert own.public == held.public
            if rotation < 2:
                mine.rotate()
        clock.now_s += 23 * DAY  # a week before the end


def test_property_13_a_responder_finds_the_key_before_for_a_day():
    clock = Clock()
    mine, theirs = ring(BOB, [FIRST], clock=clock), ring(clock=clock)
    old = theirs.learn(mine.credential(), CRYPTO)
    mine.adopt(BOB.epoch(2))
    new = theirs.learn(mine.credential(), CRYPTO)
    assert new.epoch == 2
    assert theirs.peer(BOB.peer_id) == new
    assert theirs.find_peer(old.credential_id) == old
    clock.now_s += GRACE_S
    assert theirs.find_peer(old.credential_id) is None
    assert theirs.find_peer(new.credential_id) == new


def test_our_epoch_is_honoured_until_its_signed_end():
    clock = Clock()
    mine = ring(BOB, [BOB.epoch(1), BOB.epoch(2, START + DAY)], clock=clock)
    assert mine.current().epoch == 1  # the newer one has not begun
    first = mine.current().credential_id
    clock.now_s = START + DAY
    assert mine.current().epoch == 2
    clock.now_s = START + 30 * DAY - 1
    assert mine.own(first) is not None
    clock.now_s += 1
    assert mine.own(first) is None
    clock.now_s = START + 31 * DAY
    assert mine.current() is None


def test_without_a_clock_the_newest_counts_and_the_one_before_is_honoured():
    mine = ring(BOB, [BOB.epoch(1), BOB.epoch(2, START + DAY)])
    assert mine.current().epoch == 2
    assert [own.number for own in mine._own] == [2, 1]


def test_of_three_epochs_the_oldest_is_erased():
    disk = Disk()
    mine = ring(BOB, on_change=disk)
    epochs = [BOB.epoch(number) for number in (1, 2, 3)]
    for epoch in epochs:
        mine.adopt(epoch)
    assert epochs[0].keys(CRYPTO) == []
    assert sorted(disk.own) == [2, 3]
    assert (rings.DROPPED, 1) in disk.log


def test_tidy_erases_what_has_ended():
    clock, disk = Clock(), Disk()
    mine = ring(BOB, [BOB.epoch(1), BOB.epoch(2, START + DAY)], clock=clock, on_change=disk)
    mine.tidy()
    assert sorted(disk.own) == [1, 2]
    clock.now_s = START + 30 * DAY
    mine.tidy()
    assert sorted(disk.own) == [2]
    clock.now_s = None  # time not known: nothing has ended
    mine.tidy()
    assert sorted(disk.own) == [2]


def test_a_revoked_identity_has_no_key_at_all():
    mine = ring(BOB, [BOB.epoch(1), BOB.epoch(2)])
    mine.adopt(BOB.epoch(3, slots=1, flags=0x8000))
    assert mine.current() is None
    assert len(mine._own) == 1


def test_epochs_of_our_own_go_up_and_are_our_own():
    mine = ring(BOB, [BOB.epoch(2)])
    for wrong in (BOB.epoch(2), BOB.epoch(1), ALICE.epoch(3)):
        with pytest.raises(UsageError):
            mine.adopt(wrong)
    assert mine.current().epoch == 2


def test_rotation_is_stored_before_it_counts_and_ends():
    disk = Disk()
    mine = ring(BOB, [BOB.epoch(1)], on_change=disk)
    mine.rotate()
    assert restore(BOB.peer_id, *disk.own[1]).keys(CRYPTO)[0] == mine.current()
    assert mine.current().slot == 1
    with pytest.raises(Exhausted):
        mine.rotate()


def test_a_rotation_that_cannot_be_stored_does_not_happen():
    def full(what, value):
        raise OSError("flash is full")

    mine = BOB.keyring(on_change=full)
    mine.adopt(BOB.epoch(1), stored=True)
    before = mine.current()
    with pytest.raises(OSError, match="full"):
        mine.rotate()
    assert mine.current() is before
    assert any(before.seed)


def test_everything_comes_back_from_the_disk():
    disk = Disk()
    mine = ring(BOB, [BOB.epoch(1), BOB.epoch(2)], on_change=disk)
    mine.rotate()
    mine.learn(ALICE.credential(ALICE.epoch(9)), CRYPTO)
    again = BOB.keyring(on_change=disk)
    before = len(disk.log)
    for number in sorted(disk.own):
        again.adopt(restore(BOB.peer_id, *disk.own[number]), stored=True)
    for blob in disk.peers.values():
        again.restore(PeerState.decode(blob))
    assert len(disk.log) == before
    assert again.current() == mine.current()
    assert again.credential() == mine.credential()
    assert again.peer(ALICE.peer_id) == mine.peer(ALICE.peer_id)
    assert again.floor(ALICE.peer_id) == 9
    with pytest.raises(Unexpected, match="after 9"):
        again.learn(ALICE.credential(ALICE.epoch(8)), CRYPTO)


# Peers


def test_property_05_rollback_is_refused():
    theirs = ring()
    assert theirs.floor(BOB.peer_id) == -1
    old = BOB.credential(BOB.epoch(4))
    theirs.learn(BOB.credential(BOB.epoch(5)), CRYPTO)
    for blob in (old, BOB.credential(BOB.epoch(5))):  # and a second object for epoch 5
        with pytest.raises(Unexpected, match="after 5"):
            theirs.learn(blob, CRYPTO)
    assert theirs.floor(BOB.peer_id) == theirs.peer(BOB.peer_id).epoch == 5


def test_property_05_expired_and_not_begun_are_refused():
    clock = Clock(START + 30 * DAY)
    theirs = ring(clock=clock)
    with pytest.raises(Unexpected, match="expired"):
        theirs.learn(BOBS, CRYPTO)
    assert theirs.learn(BOBS, CRYPTO, START) is not None  # the caller's time goes first
    assert theirs.peer(BOB.peer_id) is None  # and by the clock it is over
    clock.now_s = START - DAY
    with pytest.raises(Unexpected, match="begun"):
        ring(clock=clock).learn(BOBS, CRYPTO)


def test_property_05_a_key_that_fips_203_refuses_is_refused():
    """Non-canonical coefficients, under a good signature and path: with the real algorithms."""
    crypto = HostCrypto()

    class Spoilt(HostCrypto):
        def kem_keypair(self, seed):
            public = bytearray(super().kem_keypair(seed))
            public[0], public[1] = 0xFF, public[1] | 0x0F  # a coefficient of 4095
            return bytes(public)

    mallory = Owner(b"mallory", Spoilt())
    theirs = ring(Owner(b"honest", crypto))
    with pytest.raises(BadKey):
        theirs.learn(mallory.credential(mallory.epoch(1, slots=1)), crypto)
    assert theirs.floor(mallory.peer_id) == -1
    honest = Owner(b"mallory", crypto)
    assert theirs._crypto is crypto
    assert theirs.learn(honest.credential(honest.epoch(1, slots=1)), crypto)


@pytest.mark.parametrize("size", [0, 1, 1952, 5325, 6702])
def test_property_05_another_length_is_refused(size):
    theirs = ring()
    with pytest.raises(ProtocolError):
        theirs.learn(BOBS[:size], CRYPTO)
    with pytest.raises(Malformed):
        theirs.learn(BOBS + bytes(7), CRYPTO)
    assert theirs.peer(BOB.peer_id) is None


def test_property_04_misbinding_is_refused():
    """Mallory signs a tree over Bob's key: it is Mallory's credential, by another name."""
    theirs = ring()
    eves = EVE.credential(EVE.epoch(1))
    mixed = eves[: 1952 + 3373] + BOBS[1952 + 3373 :]
    with pytest.raises(BadTag):
        theirs.learn(mixed, CRYPTO)
    learnt = theirs.learn(BOBS, CRYPTO)
    stolen = credential_id_of(EVE.peer_id, 1, 0, learnt.public)
    assert stolen != learnt.credential_id


def test_property_05_our_own_credential_is_refused():
    mine = ring(BOB, [BOB.epoch(1)])
    with pytest.raises(Unexpected, match="our own"):
        mine.learn(mine.credential(), CRYPTO)


def test_property_05_a_revocation_is_for_ever():
    disk = Disk()
    theirs = ring(on_change=disk)
    theirs.learn(BOBS, CRYPTO)
    for blob in (BOB.revocation(6), BOBS):
        with pytest.raises(Unexpected, match="revoked at epoch 6"):
            theirs.learn(blob, CRYPTO)
    assert theirs.peer(BOB.peer_id) is None
    assert theirs.find_peer(FIRST.keys(CRYPTO)[0].credential_id) is None
    with pytest.raises(Unexpected, match="revoked"):
        theirs.learn(BOB.credential(BOB.epoch(7)), CRYPTO)
    state = PeerState.decode(disk.peers[BOB.peer_id])
    assert state.epoch.killed
    again = ring()
    again.restore(state)
    assert again.peer(BOB.peer_id) is None
    with pytest.raises(Unexpected, match="revoked"):
        again.learn(BOB.credential(BOB.epoch(7)), CRYPTO)


def test_a_revocation_that_comes_again_is_refused_alike():
    theirs, killed = ring(), BOB.revocation(6)
    for _ in range(2):
        with pytest.raises(Unexpected, match="revoked at epoch 6"):
            theirs.learn(killed, CRYPTO)


def test_a_credential_that_comes_again_is_stored_once():
    disk = Disk()
    theirs = ring(on_change=disk)
    first = theirs.learn(BOBS, CRYPTO)
    assert theirs.learn(BOBS, CRYPTO) is first
    assert [what for what, _ in disk.log] == [rings.PEER]


def test_slots_of_a_peer_go_up_only():
    own = BOB.epoch(3, slots=3)
    theirs = ring()
    slots = [BOB.credential(own)]
    for _ in range(2):
        own.rotate()
        slots.append(BOB.credential(own))
    first = theirs.learn(slots[0], CRYPTO)
    last = theirs.learn(slots[2], CRYPTO)
    assert theirs.find_peer(first.credential_id) == first
    with pytest.raises(Unexpected, match="slot 1 after 2"):
        theirs.learn(slots[1], CRYPTO)
    assert theirs.peer(BOB.peer_id) == last


def test_property_13_a_leaf_alone_brings_the_next_slot():
    own = BOB.epoch(3, slots=3)
    theirs = ring()
    theirs.learn(BOB.credential(own), CRYPTO)
    own.rotate()
    learnt = theirs.learn_leaf(BOB.peer_id, own.leaf(CRYPTO))
    assert learnt.credential_id == own.keys(CRYPTO)[0].credential_id
    assert theirs.peer(BOB.peer_id) == learnt
    with pytest.raises(BadTag):
        theirs.learn_leaf(BOB.peer_id, BOB.epoch(3, slots=3).leaf(CRYPTO))
    with pytest.raises(Unexpected, match="stranger"):
        theirs.learn_leaf(EVE.peer_id, own.leaf(CRYPTO))
    with pytest.raises(Unexpected, match="expired"):
        theirs.learn_leaf(BOB.peer_id, own.leaf(CRYPTO), START + 30 * DAY)


def test_a_full_keyring_refuses_and_forgets_nobody():
    disk = Disk()
    theirs = ring(capacity=1, on_change=disk)
    theirs.learn(BOBS, CRYPTO)
    with pytest.raises(Exhausted):
        theirs.learn(EVE.credential(EVE.epoch(1)), CRYPTO)
    with pytest.raises(Exhausted):
        theirs.restore(PeerState(EVE.peer_id, FIRST.epoch, 0, bytes(1184)))
    assert theirs.peer(BOB.peer_id) is not None
    theirs.forget(BOB.peer_id)
    theirs.forget(BOB.peer_id)
    assert [what for what, _ in disk.log] == [rings.PEER, rings.FORGOT]
    assert theirs.learn(EVE.credential(EVE.epoch(1)), CRYPTO)


def test_nothing_is_accepted_that_could_not_be_stored():
    def full(what, value):
        raise OSError("flash is full")

    theirs = ring(on_change=full)
    with pytest.raises(OSError, match="full"):
        theirs.learn(BOBS, CRYPTO)
    assert theirs.peer(BOB.peer_id) is None
    assert theirs.floor(BOB.peer_id) == -1


def test_an_intake_is_taken_when_it_is_complete():
    theirs = ring()
    intake = theirs.intake(CRYPTO, expect=BOB.peer_id)
    intake.feed(BOBS[:3352])
    with pytest.raises(UsageError):
        theirs.take(intake)
    with pytest.raises(UsageError):
        theirs.take(theirs.intake(CRYPTO))
    assert intake.feed(BOBS[3352:])
    assert theirs.take(intake) == theirs.peer(BOB.peer_id)


def test_an_intake_is_judged_again_when_it_is_taken():
    theirs = ring()
    early = theirs.intake(CRYPTO)
    early.feed(BOBS)
    theirs.learn(BOB.credential(BOB.epoch(2)), CRYPTO)
    with pytest.raises(Unexpected, match="epoch 1 after 2"):
        theirs.take(early)


def test_a_stored_state_is_itself_again_or_malformed():
    state = PeerState(BOB.peer_id, FIRST.epoch, 1, bytes(range(256)) * 4 + bytes(160))
    blob = state.encode()
    assert len(blob) == 1283
    assert PeerState.decode(blob) == state
    for bad in (b"", blob[:-1], blob + b"\x00", b"\x02" + blob[1:], blob[:98]):
        with pytest.raises(Malformed):
            PeerState.decode(bad)
