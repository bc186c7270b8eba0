# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who is told of which address, once, and of its end."""

from __future__ import annotations

from pqmesh_host.quic.frames import AddAddress, Address, Frame, RemoveAddress
from pqmesh_host.quic.nat.announcer import MAX_TOLD, Announcer

PUBLIC, PRIVATE, OTHER = ("198.18.0.5", 9000), ("192.168.7.5", 9000), ("2a00:1::5", 9000)


class Peer:
    def __init__(self, host: str = "198.18.0.9") -> None:
        self.address: Address = (host, 9000)
        self.relayed = False
        self.is_open = True
        self.takes = True
        self.room = 100
        self.got: list[Frame] = []

    def takes_frame(self, frame: Frame) -> bool:
        return self.takes

    def send_frame(self, frame: Frame) -> None:
        if len(self.got) >= self.room:
            raise ValueError("too many frames wait to be sent")
        self.got.append(frame)


def told(ours: list[Address], *peers: Peer) -> Announcer:
    announcer = Announcer(lambda: peers, lambda: list(ours))
    announcer.refresh()
    return announcer


def test_a_peer_is_told_once_and_then_of_what_changes() -> None:
    peer, ours = Peer(), [PUBLIC]
    announcer = told(ours, peer)
    announcer.refresh()
    assert peer.got == [AddAddress(1, PUBLIC)]
    ours[:] = [OTHER]
    announcer.refresh()
    assert peer.got[1:] == [RemoveAddress(1), AddAddress(2, OTHER)]
    ours[:] = [PUBLIC, OTHER]
    announcer.refresh()
    assert peer.got[3:] == [AddAddress(3, PUBLIC)]  # a new number: the old one was taken back


def test_an_address_that_went_and_came_between_two_looks_at_a_peer_gets_its_new_number() -> None:
    peer, ours = Peer(), [PUBLIC]
    announcer = told(ours, peer)
    peer.relayed = True
    for now in ([], [PUBLIC]):
        ours[:] = now
        announcer.refresh()
    peer.relayed = False
    announcer.refresh()
    assert peer.got == [AddAddress(1, PUBLIC), RemoveAddress(1), AddAddress(2, PUBLIC)]


def test_private_addresses_are_for_those_who_are_near() -> None:
    far, near = Peer(), Peer("192.168.7.9")
    told([PUBLIC, PRIVATE], far, near)
    assert far.got == [AddAddress(1, PUBLIC)]
    assert near.got == [AddAddress(1, PUBLIC), AddAddress(2, PRIVATE)]


def test_who_cannot_use_it_is_told_nothing() -> None:
    relayed, closed, plain = Peer(), Peer(), Peer()
    relayed.relayed, closed.is_open, plain.takes = True, False, False
    told([PUBLIC], relayed, closed, plain)
    assert relayed.got == closed.got == plain.got == []


def test_no_more_than_a_few_and_the_rest_when_there_is_room() -> None:
    ours = [("198.18.0.5", 9000 + number) for number in range(MAX_TOLD + 4)]
    peer = Peer()
    peer.room = 3
    announcer = told(ours, peer)
    assert len(peer.got) == 3
    peer.room = 100
    announcer.refresh()
    assert peer.got == [AddAddress(1 + n, ours[n]) for n in range(MAX_TOLD)]
