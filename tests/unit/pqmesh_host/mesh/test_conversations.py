# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs and neighbours find each other, whatever carries the neighbour's session."""

from __future__ import annotations

import pytest

from pqmesh.errors import NoSuchSession, SessionEnded, SessionRefused, TimedOut
from pqmesh.wire.application import MAX_DATA_BYTES
from pqmesh_host.mesh.conversations import Conversations, is_for_program
from pqmesh_host.mesh.router import Hop

OWN, PEER = b"\x00" * 32, b"\xb0" * 32


class Talker:
    def __init__(self, serial: int, peer_id: bytes = PEER) -> None:
        self.serial = serial
        self.hop = Hop(peer_id, on_link=True)
        self.said: list[tuple[bytes, int, int | None]] = []

    def say(self, payload: bytes, priority: int, deadline_ms: int | None) -> int:
        self.said.append((payload, priority, deadline_ms))
        return len(self.said)


@pytest.fixture
async def subject() -> Conversations:
    return Conversations(OWN)


async def test_a_program_talks_with_whoever_is_connected(subject: Conversations) -> None:
    talker = Talker(7)
    subject.opened(talker)
    async with subject.session(PEER, 100, None) as session:
        message = await session.send(b"hello", priority=2)
        assert talker.said == [(b"\x60hello", 2, None)]
        subject.delivered(talker, 1, 9)
        assert await message.delivered() == 9
        assert subject.heard(talker, b"\x60hi") == ""
        assert await session.receive(100) == b"hi"
        late = await session.send(b"late", deadline_ms=5)
        subject.expired(talker, 2)
        assert late.expired


async def test_an_end_is_told_once_with_its_cause(subject: Conversations) -> None:
    talker = Talker(7)
    subject.opened(talker)
    async with subject.session(PEER, 100, None) as session:
        subject.closed(talker, 4, by_peer=True)
        subject.lost(talker, "the link is gone")
        with pytest.raises(SessionEnded) as ended:
            await session.receive(100)
        assert (ended.value.code, ended.value.by_peer) == (4, True)
    with pytest.raises(NoSuchSession):
        subject.send(7, b"x", 0, None)
    again = Talker(8)
    subject.opened(again)
    async with subject.session(PEER, 100, None) as session:
        subject.lost(again, "the link is gone")
        with pytest.raises(SessionEnded, match="link is gone"):
            await session.receive(100)


async def test_leaving_does_not_end_the_nodes_session(subject: Conversations) -> None:
    talker = Talker(7)
    subject.opened(talker)
    for _ in range(2):
        async with subject.session(None, 100, None) as session:
            assert session.peer_id == PEER


async def test_who_is_not_there_is_waited_for(subject: Conversations) -> None:
    with pytest.raises(TimedOut):
        await subject.session(PEER, 10, None).__aenter__()
    with pytest.raises(SessionRefused, match="itself"):
        await subject.session(OWN, 10, None).__aenter__()


async def test_what_no_program_can_take_is_refused(subject: Conversations) -> None:
    talker = Talker(7)
    subject.opened(talker)
    assert "no program" in subject.heard(talker, b"\x60hi")
    async with subject.session(PEER, 100, None) as session:
        assert "at most" in subject.heard(talker, bytes([0x60]) + bytes(MAX_DATA_BYTES + 1))
        with pytest.raises(TimedOut):
            await session.receive(5)


def test_a_programs_message_is_told_apart_by_its_first_octet() -> None:
    assert is_for_program(b"\x60")
    assert not is_for_program(b"\x01\x60")
    assert not is_for_program(b"")
