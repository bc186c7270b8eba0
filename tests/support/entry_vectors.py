# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden vectors of what precedes a handshake: entry exchange, credentials, prekeys.

As for HS-S (hs_s_vectors): ``observe`` runs the package's own classes, ``recompute`` follows
docs/handshake.md and the formulas in the modules by hand and shares no code with them. All of it
is SHA-256; KEM keys are given, not made.

    PYTHONPATH=tests:firmware/micropython python -m support.entry_vectors     writes the file
"""

import hashlib
import json
import types

from pqmesh.credentials.epoch import Epoch, make_leaf
from pqmesh.credentials.ids import credential_id_of
from pqmesh.credentials.merkle import Tree
from pqmesh.credentials.prekeys import PrekeyChain, block_hash
from pqmesh.engine.caller import Caller
from pqmesh.engine.context import Context
from pqmesh.engine.entry import Doorman, admission_key
from pqmesh.engine.stamps import dtag_of
from pqmesh.limits import BOARD, RADIO_LINK
from pqmesh.wire.handshake import HS_K

from .hs_s_vectors import FOLDER, Drawn, labelled, lp, mac

FILE = FOLDER / "entry.json"
INPUTS = {
    "id_r": bytes(range(0x20)),
    "nonce_i": bytes(range(0x20, 0x30)),
    "cookie_key": bytes(range(0x30, 0x50)),
    "network_key": bytes(range(0x50, 0x70)),
    "stamp_start": bytes.fromhex("a1b2c3d4"),
    "address": b"a link address",
    "epoch": bytes.fromhex("0007"),
    "start_s": bytes.fromhex("65432100"),
    "ek_0": bytes(range(256)) * 4 + bytes(160),
    "ek_3": bytes(range(255, -1, -1)) * 4 + bytes(160),
    "leaf_8": bytes(range(0x70, 0x90)),
    "chain": bytes(range(0x90, 0xB0)),
}
STAMP_BITS = 9


class _Keys:
    """A keyring that has whatever key is named."""

    def own(self, credential_id):
        return credential_id


def _number(octets):
    return int.from_bytes(octets, "big")


def _context(given, *drawn):
    identity = types.SimpleNamespace(peer_id=given["id_r"])
    return Context(identity, None, Drawn(*drawn), RADIO_LINK, BOARD)


def observe(given):
    """Run the package's own classes on ``given``; return what they produced."""
    number = _number(given["epoch"])
    tree = Tree(given["id_r"], number, {0: given["ek_0"], 3: given["ek_3"], 8: given["leaf_8"]})
    epoch = Epoch(1, 1, number, _number(given["start_s"]), 720, 0, 0, 0, bytes(24), tree.root)
    name = credential_id_of(given["id_r"], number, 3, given["ek_3"])
    key = admission_key(given["network_key"])
    found = {
        "epoch_body": epoch.encode(),
        "leaf_3": make_leaf(tree, 3, given["ek_3"]),
        "credential_id": name,
        "dtag": dtag_of(given["id_r"]),
        "admission_key": key,
    }
    for who, member in (("stranger", None), ("member", key)):
        door = Doorman(
            _context(given, given["cookie_key"]),
            _Keys(),
            admission_keys=lambda: (key,),
            stamp_bits=STAMP_BITS,
        )
        caller = Caller(
            _context(given, given["stamp_start"]),
            HS_K,
            given["id_r"],
            name,
            member,
            nonce=given["nonce_i"],
        )
        retry = door.on_hello(caller.hello, given["address"], 0)
        caller.on_retry(retry)
        while caller.stamp is not None and not caller.stamp.step(100):
            pass
        door.admit(caller.echo(), given["address"], 0)
        found["hello_" + who], found["retry_" + who] = caller.hello, retry
        found["echo_" + who] = caller.echo()
    chain = PrekeyChain(given["chain"])
    found["prekey_seed_5"] = bytes(chain.seed(5))
    found["chain_after_5"] = bytes(chain.without(5).encode())
    found["block"] = block_hash(4, [given["ek_0"], given["ek_3"]])
    return found


def _sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def _tree(given):
    """The root, and the siblings on the way up from leaf 3."""
    tweak = given["id_r"] + given["epoch"]
    level = {
        index: _sha(b"pqmesh1 leaf", tweak, index.to_bytes(2, "big"), given[name])[:24]
        for index, name in ((0, "ek_0"), (3, "ek_3"), (8, "leaf_8"))
    }
    path = b""
    for height in range(1, 9):
        path += level.get(3 >> (height - 1) ^ 1, bytes(24))
        level = {
            index >> 1: _sha(
                b"pqmesh1 node",
                tweak,
                bytes([height]),
                (index >> 1).to_bytes(2, "big"),
                level.get(index & ~1, bytes(24)),
                level.get(index | 1, bytes(24)),
            )[:24]
            for index in level
        }
    return level[0], path


def _stamp(dtag, nonce, start):
    for tries in range(1 << 20):
        stamp = start + tries.to_bytes(4, "big")
        digest = _sha(b"pqmesh1 stamp", bytes(8), dtag, nonce, stamp)
        if not _number(digest) >> (256 - STAMP_BITS):
            return stamp
    raise AssertionError("no stamp")


def recompute(given):
    """Follow the formulas from the inputs to the last octet, by hand."""
    root, path = _tree(given)
    body = bytes.fromhex("0101") + given["epoch"] + given["start_s"] + bytes.fromhex("02d0")
    name = _sha(b"pqmesh1 cred", given["id_r"], given["epoch"], b"\x00\x03", given["ek_3"])[:8]
    dtag = _sha(b"pqmesh1 dtag", given["id_r"])[:8]
    key = labelled(given["network_key"], b"admit")
    found = {
        "epoch_body": body + bytes(6) + bytes(24) + root,
        "leaf_3": b"\x00\x03" + given["ek_3"] + path,
        "credential_id": name,
        "dtag": dtag,
        "admission_key": key,
    }
    nonce_i = given["nonce_i"]
    rtag = _sha(b"pqmesh1 rtag", given["id_r"], nonce_i)[:6]
    for who, wish, chosen, terms in (
        ("stranger", b"\x81", b"\x09", bytes([0x20 | STAMP_BITS])),
        ("member", b"\xc1", b"\x49", b"\x20"),
    ):
        clear = b"\x84" + wish + b"\x02\x02" + rtag + nonce_i + name
        proof = mac(key, clear)[:8] if who == "member" else bytes(8)
        hello = clear + proof
        begin, end = b"\x85" + chosen + nonce_i[:4], terms + b"\xde"
        text = b"pqmesh1 cookie" + lp(given["address"]) + hello + begin + bytes(16) + end
        nonce_r = bytearray(mac(given["cookie_key"], text)[:16])
        nonce_r[15] &= 0xFE  # of the first key
        if who == "stranger":
            proof = _stamp(dtag, bytes(nonce_r), given["stamp_start"])
        found["hello_" + who], found["retry_" + who] = hello, begin + bytes(nonce_r) + end
        ends = wish + b"\x02\x02" + chosen + end
        found["echo_" + who] = nonce_i + bytes(nonce_r) + name + proof + ends
    secret, seeds = given["chain"], []
    for _ in range(6):
        seeds.append(labelled(secret, b"prekey", size=64))
        secret = labelled(secret, b"next")
    skipped = b"".join(bytes([0, index]) + seeds[index] for index in (1, 2, 3, 4))
    found["prekey_seed_5"] = seeds[5]
    found["chain_after_5"] = b"\x01\x00\x00\x06" + secret + skipped
    found["block"] = _sha(b"pqmesh1 prekeys", b"\x00\x04", given["ek_0"], given["ek_3"])
    return found


def main():
    text = {
        "inputs": {name: value.hex() for name, value in INPUTS.items()},
        "outputs": {name: value.hex() for name, value in sorted(recompute(INPUTS).items())},
    }
    FILE.write_text(json.dumps(text, indent=1) + "\n")


if __name__ == "__main__":
    main()
