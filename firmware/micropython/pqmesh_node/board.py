# SPDX-License-Identifier: MIT OR Apache-2.0
"""A node made from the machine it runs on, and the few words an operator types at the REPL.

    >>> import pqmesh_node
    >>> pqmesh_node.setup(name="greenhouse", expect="<PeerId of the gateway, 64 hex digits>")
    >>> pqmesh_node.run()          # Ctrl-C comes back here
    >>> pqmesh_node.status()

The data link is the board's second UART (``LINK_UART``); the REPL keeps the first.
"""

import asyncio

from pqmesh.compat import const
from pqmesh.identity import short
from pqmesh.limits import SERIAL_LINK

from . import builtin
from . import settings as board_settings
from .compat import (
    TYPE_CHECKING,
    heap_is_roomy,
    keep_heap_compact,
    listen_to_ctrl_c,
    mem_free,
    new_event_loop,
)
from .entropy import entropy
from .identity import load_or_create
from .serial import SerialLink
from .slots import BlockSlots, FileSlots
from .store import Directory, Store
from .vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pqmesh.record import Record

    from .app import Node
    from .serial import Port
    from .settings import Settings

STATE_DIRECTORY = "/node_state"  # not "pqmesh": a directory of that name hides the frozen package
LINK_UART = const(1)
LINK_BAUD = const(115_200)
# While the board signs nobody empties the UART; this is 355 ms of a full line, and a flight
# of the neighbour (window 8 of 512 octets) that the engine will ask for again if it is cut.
LINK_RXBUF = const(4_096)

_directory = STATE_DIRECTORY
_crypto: "Any" = None
_node: "Node | None" = None


def store() -> Store:
    """Where this board keeps what must survive."""
    return Store(Directory(_directory))


def vault() -> Vault:
    """Where this board keeps what must be gone once it is replaced."""
    try:
        import pqmesh_flash

        blocks = pqmesh_flash.vault()
    except ImportError:  # not an image of ours
        blocks = None
    if blocks is None or _directory != STATE_DIRECTORY:
        return Vault(FileSlots(Directory(_directory)))
    return Vault(BlockSlots(blocks[0], blocks[1]))


def setup(**values: "Any") -> "Settings":
    """Change and store settings; ``setup()`` shows them. Raises settings.SettingsError.

    They are read when the node is made: restart the board, or run() for the first time.
    """
    global _node
    current = board_settings.load(store()) or board_settings.default()
    if values:
        current = board_settings.changed(current, **values)
        board_settings.save(store(), current)
        _node = None
    return current


def uart_port() -> "Port":
    """The board's data link. Raises OSError or ValueError when there is no such UART."""
    import machine

    from .uart import UartPort

    # timeout=0: a read takes what is there; the event loop does the waiting.
    uart = machine.UART(LINK_UART, LINK_BAUD, timeout=0, timeout_char=0, rxbuf=LINK_RXBUF)
    return UartPort(uart)


def make_node(
    port: "Port | None" = None,
    on_event: "Callable[[Record], None] | None" = None,
    watchdog: "Callable[[], None] | None" = None,
) -> "Node":
    """The board's one node, made on first use; its large buffers come out of a whole heap."""
    global _node
    if _node is None:
        from .app import Node  # the engine and all: a program of the user's may want none of it

        crypto = _provider()
        if watchdog is not None:
            crypto.poll(watchdog)
        profile = SERIAL_LINK
        if setup().radio:
            from .radio import planned_profile

            profile = planned_profile(store())
        link = SerialLink(port or uart_port(), profile.mtu)
        _node = Node(
            *(link, store(), crypto),
            profile=profile,
            on_event=on_event,
            vault=vault(),
            watchdog=watchdog,
        )
        _add_led(_node)
    return _node


def run(
    port: "Port | None" = None,
    on_event: "Callable[[Record], None] | None" = None,
    watchdog: "Callable[[], None] | None" = None,
) -> None:
    """Be a node until Ctrl-C, then tell the neighbour goodbye and return to the REPL."""
    node = make_node(port, on_event, watchdog)
    print("pqmesh node %s on %s, heap %d" % (short(node.peer_id), node.settings.name, mem_free()))
    try:
        asyncio.run(node.run())
    except KeyboardInterrupt:
        _say_goodbye(node)
        print("pqmesh node stopped; pqmesh_node.run() goes on")
    finally:
        new_event_loop()


def _say_goodbye(node: "Node") -> None:
    """At most half a second. People (and tools) press Ctrl-C twice: the second must not cut it."""
    try:
        listen_to_ctrl_c(False)
        new_event_loop()
        asyncio.run(node.goodbye())
    except KeyboardInterrupt:
        pass  # it came in before we stopped listening
    finally:
        listen_to_ctrl_c(True)


def use_directory(path: str) -> None:
    """Keep what must survive in another directory than STATE_DIRECTORY."""
    global _directory
    _directory = path


def run_on_cable(path: str) -> None:
    """Be a node whose serial cable is the unix socket ``path`` (the unix port has no UART)."""
    from .cable import CablePort  # boards have no sockets

    port = CablePort(path)
    try:
        run(port)
    finally:
        port.close()


def status() -> "dict[str, Any] | None":
    """What the node says of itself; None when it was not started since power-up."""
    return None if _node is None else _node.status()


def counters() -> "dict[str, Any] | None":
    """Everything the node counts; None when it was not started since power-up."""
    return None if _node is None else _node.counters()


def peer_id() -> str:
    """This board's PeerId, 64 hex digits: what a gateway pins as ``expect``."""
    if _node is not None:
        return _node.peer_id.hex()
    return load_or_create(store(), _provider(), entropy).peer_id.hex()


def _provider() -> "Any":
    """The board's crypto, made once: its workspace comes out of a whole heap."""
    global _crypto
    if _crypto is None:
        keep_heap_compact()
        from .crypto import BoardCrypto

        _crypto = BoardCrypto(heap_is_roomy())
    return _crypto


def _add_led(node: "Node") -> None:
    """Give the node its LED, when the settings name a pin for one."""
    if node.settings.led_pin is None:
        return
    import machine

    builtin.add_led(node, machine.Pin(node.settings.led_pin, machine.Pin.OUT, value=0))
