# SPDX-License-Identifier: MIT OR Apache-2.0
"""The lab: a public network, and hosts joined to it directly or through one or two NATs.

Everything lives in namespaces of this process's making, named after its pid, and nothing routes
out of them. A test opens sockets *inside* a host (``lab.inside(host)``): a socket stays in the
namespace it was made in, so all hosts may share one process and one event loop.

Public addresses are from the benchmarking ranges 198.18.0.0/15 (RFC 2544) and 2001:2::/48
(RFC 5180): neither private nor documentation, so no address filter takes them for either.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from .rules import NatKind, ruleset

_CLONE_NEWNET = 0x40000000
_COMMAND_TIMEOUT_S = 10


def missing_for_natlab() -> str | None:
    """Why the lab cannot run here, or None when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            return f"`{program}` is not installed (apt-get install iproute2 nftables)"
    name = f"pqm-probe-{os.getpid()}"
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "-n", name, "link", "set", "lo", "up")  # enters it, which a chroot may refuse
    except RuntimeError as error:
        return f"no network namespaces here: {error}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None


@dataclass(frozen=True)
class Host:
    """A machine of the lab: its namespace, its own addresses, and where the world sees it."""

    name: str
    namespace: str
    address4: str
    address6: str
    public4: str
    public6: str


class NatLab:
    """``with NatLab() as lab:`` then ``lab.host("alice", NatKind.SYMMETRIC)``, up to 200 hosts."""

    _made = 0

    def __init__(self) -> None:
        NatLab._made += 1
        self._prefix = f"pqm{os.getpid()}-{NatLab._made}"
        self._namespaces: list[str] = []
        self._count = 0
        self._links = 0

    def __enter__(self) -> NatLab:
        try:
            self._core = self._namespace("core")
            self._ip(self._core, "link", "add", "br0", "type", "bridge")
            self._ip(self._core, "link", "set", "br0", "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def host(self, name: str, kind: NatKind = NatKind.OPEN) -> Host:
        """Add a host behind a NAT of ``kind``. Open hosts sit on the public network itself."""
        self._count += 1
        number = self._count
        public4, public6 = f"198.18.0.{number}", f"2001:2::{number:x}"
        namespace = self._namespace(name)
        if kind is NatKind.OPEN:
            self._to_core(namespace, public4, public6)
            return Host(name, namespace, public4, public6, public4, public6)
        outer = self._namespace(f"{name}-nat")
        self._to_core(outer, public4, public6)
        inner4, inner6 = f"10.{number}.0", f"fd00:{number:x}::"
        if kind is NatKind.CARRIER_GRADE:
            home = self._namespace(f"{name}-home")
            middle4, middle6 = f"100.64.{number}", f"fd64:{number:x}::"
            self._behind(outer, home, middle4, middle6, NatKind.SYMMETRIC)
            self._behind(home, namespace, inner4, inner6, NatKind.PORT_RESTRICTED, "up0")
        else:
            self._behind(outer, namespace, inner4, inner6, kind)
        return Host(name, namespace, f"{inner4}.2", f"{inner6}2", public4, public6)

    def beside(self, name: str, host: Host) -> Host:
        """Add a second machine to the network of ``host``, behind the same single NAT."""
        nat, number = f"{host.namespace}-nat", int(host.address4.split(".")[1])
        net4, net6 = f"10.{number}.0", f"fd00:{number:x}::"
        namespace = self._namespace(name)
        self._ip(nat, "link", "add", "home0", "type", "bridge")
        self._ip(nat, "addr", "flush", "dev", "in0")
        self._cable(nat, "in1", namespace, "up0")
        for device in ("in0", "in1"):
            self._ip(nat, "link", "set", device, "master", "home0")
        self._ip(nat, "link", "set", "home0", "up")
        for inner, end, device in ((nat, 1, "home0"), (namespace, 3, "up0")):
            self._address(inner, device, f"{net4}.{end}/24", f"{net6}{end}/64")
        self._ip(namespace, "route", "add", "default", "via", f"{net4}.1")
        self._ip(namespace, "-6", "route", "add", "default", "via", f"{net6}1")
        return Host(name, namespace, f"{net4}.3", f"{net6}3", host.public4, host.public6)

    def address(self, host: Host, change: str, address: str, device: str = "core0") -> None:
        """Give an interface of ``host`` one more address (``add``), or take it (``del``)."""
        self._ip(host.namespace, "addr", change, address, "dev", device)

    def change_nat(self, host: Host, kind: NatKind) -> None:
        """Replace the one NAT of ``host`` by another that knows none of its mappings."""
        outer = f"{host.namespace}-nat"
        self._nft(outer, "flush ruleset\n" + ruleset(kind, "core0", host.address4, host.address6))
        # The kernel forgets what masquerade mapped to an address that goes away.
        for address in (f"{host.public4}/15", f"{host.public6}/48"):
            self._ip(outer, "addr", "del", address, "dev", "core0")
        self._address(outer, "core0", f"{host.public4}/15", f"{host.public6}/48")

    @contextlib.contextmanager
    def inside(self, host: Host) -> Iterator[None]:
        """Run the block in the network of ``host``. Open sockets here; do not await here."""
        with open("/proc/thread-self/ns/net") as outside:
            _enter(f"/run/netns/{host.namespace}")
            try:
                yield
            finally:
                _setns(outside.fileno())

    def _behind(
        self, nat: str, inner: str, net4: str, net6: str, kind: NatKind, outside: str = "core0"
    ) -> None:
        """Join ``inner`` to ``nat`` by a cable and make ``nat`` a NAT of ``kind``."""
        self._cable(nat, "in0", inner, "up0")
        for namespace, end, device in ((nat, 1, "in0"), (inner, 2, "up0")):
            self._address(namespace, device, f"{net4}.{end}/24", f"{net6}{end}/64")
        self._ip(inner, "route", "add", "default", "via", f"{net4}.1")
        self._ip(inner, "-6", "route", "add", "default", "via", f"{net6}1")
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            # Not `sysctl`: a minimal Debian does not have it.
            _run("ip", "netns", "exec", nat, "sh", "-c", f"echo 1 >/proc/sys/net/{name}")
        self._nft(nat, ruleset(kind, outside, f"{net4}.2", f"{net6}2"))

    def _to_core(self, namespace: str, address4: str, address6: str) -> None:
        self._links += 1
        port = f"p{self._links}"
        self._cable(self._core, port, namespace, "core0")
        self._ip(self._core, "link", "set", port, "master", "br0")
        self._address(namespace, "core0", f"{address4}/15", f"{address6}/48")

    def _cable(self, left: str, left_device: str, right: str, right_device: str) -> None:
        _run(
            *("ip", "link", "add", left_device, "netns", left, "type", "veth"),
            *("peer", "name", right_device, "netns", right),
        )
        self._ip(left, "link", "set", left_device, "up")
        self._ip(right, "link", "set", right_device, "up")

    def _address(self, namespace: str, device: str, address4: str, address6: str) -> None:
        self._ip(namespace, "addr", "add", address4, "dev", device)
        # nodad: a lab address is used the moment it is there.
        self._ip(namespace, "addr", "add", address6, "dev", device, "nodad")

    def _namespace(self, name: str) -> str:
        full = f"{self._prefix}-{name}"
        _run("ip", "netns", "add", full)
        self._namespaces.append(full)
        self._ip(full, "link", "set", "lo", "up")
        return full

    def _ip(self, namespace: str, *words: str) -> None:
        _run("ip", "-n", namespace, *words)

    def _nft(self, namespace: str, script: str) -> None:
        _run("ip", "netns", "exec", namespace, "nft", "-f", "-", stdin=script)

    def _remove(self) -> None:
        for namespace in reversed(self._namespaces):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
        self._namespaces.clear()


def _run(*command: str, stdin: str | None = None) -> None:
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")


def _enter(path: str) -> None:
    with open(path) as namespace:
        _setns(namespace.fileno())


def _setns(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")
