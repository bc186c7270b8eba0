# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command journal: at most once, answered exactly once, whatever write the power cuts."""

import itertools

import pytest

from pqmesh import cbor
from pqmesh_node.journal import (
    ACCEPTED,
    ASKERS,
    FULL,
    IDS_PER_ASKER,
    OPEN_LIMIT,
    RECORD,
    REPLY_BYTES,
    REPLY_LIMIT,
    SEEN,
    Command,
    CommandJournal,
)
from pqmesh_node.store import MAX_RECORD_BYTES, RecordDamaged, Store, StoreError

ASKER = bytes(range(32))


class PowerCut(Exception):
    pass


class Medium:
    """Files in RAM; the write number ``dies_at`` is cut in half and ends the world."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.dies_at = dies_at
        self.writes = 0

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        self.writes += 1
        if self.writes == self.dies_at:
            self.files[name] = data[: len(data) // 2]
            raise PowerCut
        self.files[name] = data


def command(number: int, origin: bytes = ASKER) -> Command:
    return Command(number.to_bytes(8, "big"), origin, "blink")


def journal(medium: Medium) -> CommandJournal:
    return CommandJournal(Store(medium))


def test_a_command_is_accepted_once():
    medium = Medium()
    first = journal(medium)
    assert first.accept(command(1)) == ACCEPTED
    assert first.accept(command(1)) == SEEN
    assert journal(medium).accept(command(1)) == SEEN


def test_the_same_id_of_another_asker_is_another_command():
    first = journal(Medium())
    assert first.accept(command(1)) == ACCEPTED
    assert first.accept(command(1, bytes(32))) == ACCEPTED


def test_an_unfinished_command_is_found_after_a_restart():
    medium = Medium()
    journal(medium).accept(command(1))
    assert journal(medium).open_commands() == [command(1)]


def test_a_reply_is_kept_until_delivered():
    medium = Medium()
    first = journal(medium)
    first.accept(command(1))
    first.finish(command(1), b"reply001", b"done")
    again = journal(medium)
    assert again.open_commands() == []
    assert again.replies() == [(b"reply001", b"done")]
    again.delivered(b"reply001")
    assert again.replies() == []
    again.accept(command(2))
    assert journal(medium).replies() == []


def test_full_changes_nothing():
    medium = Medium()
    first = journal(medium)
    for number in range(OPEN_LIMIT):
        assert first.accept(command(number, bytes([number]) * 32)) == ACCEPTED
    before = dict(medium.files)
    assert first.accept(command(99)) == FULL
    assert medium.files == before
    first.finish(command(0, bytes(32)), b"reply000", b"done")
    assert first.accept(command(99)) == ACCEPTED


def test_replies_are_bounded_and_delivery_makes_room():
    first = journal(Medium())
    for number in range(REPLY_LIMIT + 1):
        first.accept(command(number))
    for number in range(REPLY_LIMIT):
        assert first.reply_room()
        first.finish(command(number), b"reply%03d" % number, b"done")
    assert not first.reply_room()
    with pytest.raises(ValueError, match="at most 4 replies"):
        first.finish(command(REPLY_LIMIT), b"reply099", b"done")
    first.delivered(b"reply000")
    first.finish(command(REPLY_LIMIT), b"reply099", b"done")


def test_only_the_oldest_id_is_forgotten():
    first = journal(Medium())
    for number in range(IDS_PER_ASKER + 1):
        assert first.accept(command(number)) == ACCEPTED
        first.finish(command(number), b"reply%03d" % number, b"")
        first.delivered(b"reply%03d" % number)
    assert first.accept(command(1)) == SEEN
    assert first.accept(command(0)) == ACCEPTED


def test_flash_that_refuses_means_the_command_never_runs():
    class Broken(Medium):
        def write(self, name: str, data: bytes) -> None:
            raise OSError(5)

    first = journal(Broken())
    with pytest.raises(StoreError):
        first.accept(command(1))
    assert first.open_commands() == []
    assert first.accept(command(1)) == SEEN


def test_a_reply_too_long_is_refused_and_the_command_stays_open():
    first = journal(Medium())
    first.accept(command(1))
    with pytest.raises(ValueError, match="at most"):
        first.finish(command(1), b"reply001", bytes(REPLY_BYTES + 1))
    assert first.open_commands() == [command(1)]


def test_one_busy_asker_cannot_make_us_forget_another():
    first = journal(Medium())
    assert first.accept(command(1, bytes(32))) == ACCEPTED
    for number in range(3 * IDS_PER_ASKER):
        first.accept(command(number))
        first.finish(command(number), b"reply%03d" % number, b"")
        first.delivered(b"reply%03d" % number)
    assert first.accept(command(1, bytes(32))) == SEEN


def test_the_fullest_journal_fits_one_record():
    medium = Medium()
    first = journal(medium)
    longest = "n" * 32
    entries = [
        Command(number.to_bytes(8, "big"), bytes([asker]) * 32, longest)
        for asker in range(ASKERS)
        for number in range(IDS_PER_ASKER)
    ]
    for entry in entries[: -OPEN_LIMIT - REPLY_LIMIT]:
        first.accept(entry)
        first.finish(entry, entry.id, b"")
        first.delivered(entry.id)
    for entry in entries[-OPEN_LIMIT - REPLY_LIMIT : -OPEN_LIMIT]:
        first.accept(entry)
        first.finish(entry, entry.id, bytes(REPLY_BYTES))
    for entry in entries[-OPEN_LIMIT:]:
        assert first.accept(entry) == ACCEPTED
    assert len(first.replies()) == REPLY_LIMIT
    assert len(first.open_commands()) == OPEN_LIMIT
    assert len(list(first._inbox)) == ASKERS * IDS_PER_ASKER
    assert 3000 < max(map(len, medium.files.values())) <= MAX_RECORD_BYTES


@pytest.mark.parametrize(
    "image", [b"\xff", cbor.encode(7), cbor.encode({}), cbor.encode({"s": [], "o": [1], "r": []})]
)
def test_a_record_of_another_format_says_erase_it(image):
    medium = Medium()
    Store(medium).save(RECORD, image)
    with pytest.raises(RecordDamaged, match="erase it"):
        journal(medium)


def test_power_cut_in_every_write_of_a_life():
    """Three commands, re-sent until answered, with the power failing in write 1, 2, 3 ..."""
    for dies_at in itertools.count(1):
        medium = Medium(dies_at)
        ran: dict[int, int] = {}
        answers: dict[bytes, set[bytes]] = {}
        fresh = itertools.count(1)

        def life(medium: Medium, ran=ran, answers=answers, fresh=fresh) -> None:
            node = journal(medium)
            for entry in node.open_commands():
                node.finish(entry, b"r%07d" % next(fresh), entry.id + b"interrupted")
            for number in range(3):
                if node.accept(command(number)) == ACCEPTED:
                    ran[number] = ran.get(number, 0) + 1
                    node.finish(command(number), b"r%07d" % next(fresh), command(number).id)
                for reply_id, reply in node.replies():
                    answers.setdefault(reply[:8], set()).add(reply_id)
                    node.delivered(reply_id)

        try:
            life(medium)
            survived = True
        except PowerCut:
            survived = False
            life(medium)
        assert all(times == 1 for times in ran.values())
        assert all(len(ids) == 1 for ids in answers.values())
        assert set(answers) == {command(number).id for number in range(3)}
        if survived:
            assert dies_at > 6
            break
