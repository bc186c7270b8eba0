# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden vectors of HS-R: every octet and every label of one resumption, and who computes them.

As for HS-S (hs_s_vectors): ``observe`` runs the engine's own classes, ``recompute`` follows
docs/handshake.md by hand and shares no code with them. Everything but R3 is SHA-256, so the two
providers share one file and each has its own ``r3``.

    PYTHONPATH=tests:firmware/micropython python -m support.hs_r_vectors     writes the file
"""

import hashlib
import json

from pqmesh.engine.hs_r import Initiator, Names, Responder, draw_nonce
from pqmesh.engine.packets import Packets
from pqmesh.limits import RADIO_LINK
from pqmesh.wire.handshake import Params

from .hs_s_vectors import FOLDER, Drawn, labelled, lp, mac
from .model_crypto import ModelCrypto

FILE = FOLDER / "hs_r.json"
INPUTS = {
    "secret": bytes(range(0x20)),
    "id_i": bytes(range(0x20, 0x40)),
    "id_r": bytes(range(0x40, 0x60)),
    "cid_i": bytes.fromhex("a1b2"),
    "cid_r": bytes.fromhex("c3d4"),
    "nonce_i_rest": bytes(range(0x60, 0x6E)),
    "nonce_r": bytes(range(0x70, 0x80)),
}


def providers():
    """Who seals R3; the real one needs a C compiler."""
    from .pqc_crypto import PqcCrypto

    return {"r3_model": ModelCrypto, "r3": PqcCrypto}


def observe(crypto, given):
    """Run the engine's initiator and responder on ``given``; return what they produced."""
    names = Names(given["id_i"], given["id_r"], Params(4096, 8, 0, bytes(4)))
    cids = [int.from_bytes(given[name], "big") for name in ("cid_i", "cid_r")]
    nonce = draw_nonce(cids[0], Drawn(given["nonce_i_rest"]))
    initiator = Initiator(given["secret"], names, nonce)
    responder = Responder(given["secret"], names, initiator.r1)
    r2, theirs = responder.answer(cids[1], given["nonce_r"])
    mine = initiator.verify(r2)
    return {
        "r1": initiator.r1,
        "r2": r2,
        "r3": Packets(crypto, RADIO_LINK, mine).seal(0, initiator.peer_cid, b"", 0),
        "chain_i2r": mine.send_chain,
        "chain_r2i": theirs.send_chain,
        "session_id": mine.session_id,
        "exporter": mine.exporter,
        "resumption": theirs.resumption,
    }


def recompute(crypto, given):
    """Follow docs/handshake.md from the inputs to the last key, by hand."""
    sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()  # noqa: E731
    secret, both = given["secret"], given["id_i"] + given["id_r"]
    nonce_i = given["cid_i"] + given["nonce_i_rest"]
    ticket = labelled(secret, b"id", size=8)
    clear_1 = b"\x82" + ticket + nonce_i + b"\x0a"
    bind = labelled(secret, b"bind")
    r1 = clear_1 + mac(bind, clear_1 + both)[:16]

    clear_2 = b"\x83" + given["cid_i"] + given["cid_r"] + given["nonce_r"]
    th = sha(b"pqmesh1 HS-R v1", lp(r1), lp(clear_2), both)
    z0 = mac(bytes(32), secret)
    z1 = mac(labelled(z0, b"d"), nonce_i + given["nonce_r"])
    mac_key = labelled(z1, b"fin r", th)
    r2 = clear_2 + mac(mac_key, th)[:16]

    chain_i2r, chain_r2i = labelled(z1, b"ck i2r", th), labelled(z1, b"ck r2i", th)
    session_id = labelled(z1, b"sid", th, 8)
    key, iv = labelled(chain_i2r, b"key"), labelled(chain_i2r, b"iv", b"", 13)
    header = b"\x00" + given["cid_r"] + b"\x00\x00"
    r3 = header + crypto.seal(key, iv, session_id + bytes(6) + header, b"", 8)
    names = "ticket bind r1 th z0 z1 mac_key r2 chain_i2r chain_r2i session_id key iv r3"
    values = locals()
    return {
        **{name: values[name] for name in names.split()},
        "exporter": labelled(z1, b"exporter", th),
        "resumption": labelled(z1, b"res", th),
    }


def main():
    outputs = {}
    for name, provider in providers().items():
        found = recompute(provider(), INPUTS)
        outputs[name] = found.pop("r3")
        outputs.update(found)
    text = {
        "inputs": {name: value.hex() for name, value in INPUTS.items()},
        "outputs": {name: value.hex() for name, value in sorted(outputs.items())},
    }
    FILE.write_text(json.dumps(text, indent=1) + "\n")


if __name__ == "__main__":
    main()
