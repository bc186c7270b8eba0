# SPDX-License-Identifier: MIT OR Apache-2.0
"""The lab's NATs are what they are called: mapping and filtering, probed with plain UDP."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from support.natlab import Host, NatKind, NatLab, missing_for_natlab

_missing = missing_for_natlab()
pytestmark = pytest.mark.skipif(_missing is not None, reason=_missing or "")

BEHIND = [kind for kind in NatKind if kind is not NatKind.OPEN]
FAMILIES = [socket.AF_INET, socket.AF_INET6]
Address = tuple[str, int]


@pytest.fixture(scope="module")
def lab() -> Iterator[NatLab]:
    with NatLab() as made:
        yield made


@pytest.fixture(scope="module")
def world(lab: NatLab) -> list[Host]:
    """Two observers on the public network."""
    return [lab.host("near"), lab.host("far")]


@pytest.fixture(scope="module")
def behind(lab: NatLab) -> dict[NatKind, Host]:
    return {kind: lab.host(kind.value[:9], kind) for kind in BEHIND}


def udp(lab: NatLab, host: Host, family: socket.AddressFamily) -> socket.socket:
    with lab.inside(host):
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.bind((host.address4 if family == socket.AF_INET else host.address6, 0))
    made.settimeout(2)
    return made


def name(sock: socket.socket) -> Address:
    return sock.getsockname()[:2]


def seen_from(sender: socket.socket, observer: socket.socket) -> Address:
    """Send one datagram; returns the address it appears to come from."""
    sender.sendto(b"hello", name(observer))
    return observer.recvfrom(64)[1][:2]


def arrives(sender: socket.socket, target: Address, receiver: socket.socket) -> bool:
    sender.sendto(b"probe", target)
    receiver.settimeout(0.3)
    try:
        return receiver.recvfrom(64)[0] == b"probe"
    except TimeoutError:
        return False


# kind -> (one mapping for all destinations, lets in: same address other port, a third party)
BEHAVIOUR = {
    NatKind.FULL_CONE: (True, True, True),
    NatKind.ADDRESS_RESTRICTED: (True, True, False),
    NatKind.PORT_RESTRICTED: (True, False, False),
    NatKind.SYMMETRIC: (False, False, False),
    NatKind.CARRIER_GRADE: (False, False, False),
}


@pytest.mark.parametrize("family", FAMILIES, ids=["v4", "v6"])
@pytest.mark.parametrize("kind", BEHIND, ids=lambda kind: kind.value)
def test_each_nat_maps_and_filters_as_its_kind(
    lab: NatLab,
    world: list[Host],
    behind: dict[NatKind, Host],
    kind: NatKind,
    family: socket.AddressFamily,
) -> None:
    host = behind[kind]
    inner = udp(lab, host, family)
    near, near_other, far = (udp(lab, h, family) for h in (world[0], world[0], world[1]))
    third = udp(lab, world[1], family)
    with inner, near, near_other, far, third:
        mapped = seen_from(inner, near)
        assert mapped[0] == (host.public4 if family == socket.AF_INET else host.public6)
        assert arrives(near, mapped, inner)  # who was written to may answer
        same_address = arrives(near_other, mapped, inner)
        stranger = arrives(third, mapped, inner)
        one_mapping = seen_from(inner, far) == mapped
    assert (one_mapping, same_address, stranger) == BEHAVIOUR[kind]


def test_every_kind_is_described() -> None:
    assert set(BEHAVIOUR) == set(BEHIND)


@pytest.mark.parametrize("family", FAMILIES, ids=["v4", "v6"])
def test_a_changed_nat_has_forgotten_its_mappings(
    lab: NatLab, world: list[Host], family: socket.AddressFamily
) -> None:
    host = lab.host(f"moved{int(family)}", NatKind.FULL_CONE)
    inner, near = udp(lab, host, family), udp(lab, world[0], family)
    with inner, near:
        mapped = seen_from(inner, near)
        lab.change_nat(host, NatKind.SYMMETRIC)
        assert not arrives(near, mapped, inner)
        assert seen_from(inner, near) != mapped


def test_nothing_is_left_behind() -> None:
    with NatLab() as made:
        inside = made.host("gone", NatKind.SYMMETRIC).namespace
        made_list = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
        assert inside in made_list
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert inside not in left
