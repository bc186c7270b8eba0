# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden vectors of HS-RK and HS-RP: every octet and every label, and who computes them.

As for HS-S (hs_s_vectors): ``observe`` runs the engine's own classes, ``recompute`` follows
docs/handshake.md by hand and shares no code with them. One file per provider, for the KEM's sake.

    PYTHONPATH=tests:firmware/micropython python -m support.hs_rk_vectors     writes the files
"""

import hashlib
import json

from pqmesh.engine.hs_r import Names, draw_nonce
from pqmesh.engine.hs_rk import Initiator, Responder
from pqmesh.engine.packets import Packets
from pqmesh.limits import RADIO_LINK
from pqmesh.wire.handshake import HS_RK, HS_RP, Params

from .hs_s_vectors import FOLDER, Drawn, labelled, lp, mac
from .model_crypto import ModelCrypto

MODES = {"rk": HS_RK, "rp": HS_RP}
INPUTS = {
    "secret": bytes(range(0x20)),
    "id_i": bytes(range(0x20, 0x40)),
    "id_r": bytes(range(0x40, 0x60)),
    "cid_i": bytes.fromhex("a1b2"),
    "cid_r": bytes.fromhex("c3d4"),
    "nonce_i_rest": bytes(range(0x60, 0x6E)),
    "nonce_r": bytes(range(0x70, 0x80)),
    "kem_seed": bytes(range(0x80, 0xC0)),
    "coins": bytes(range(0xC0, 0xE0)),
    "index": bytes.fromhex("0107"),
}


def providers():
    """The vector files and who computes them; the real one needs a C compiler."""
    from .pqc_crypto import PqcCrypto

    return {"hs_rk_model.json": ModelCrypto, "hs_rk.json": PqcCrypto}


def observe_mode(crypto, given, mode):
    """Run the engine's two sides in one mode; return what they produced."""
    names = Names(given["id_i"], given["id_r"], Params(4096, 8, 0, bytes(4)))
    cid_i, cid_r = (int.from_bytes(given[name], "big") for name in ("cid_i", "cid_r"))
    nonce = draw_nonce(cid_i, Drawn(given["nonce_i_rest"]))
    initiator = Initiator(crypto, given["secret"], names, nonce)
    if mode == HS_RK:
        r1 = initiator.offer_key(given["kem_seed"])
        responder = Responder(crypto, given["secret"], names, r1, mode)
        r2, theirs = responder.answer_key(cid_r, given["nonce_r"], given["coins"])
    else:
        prekey = crypto.kem_keypair(given["kem_seed"])
        index = int.from_bytes(given["index"], "big")
        r1 = initiator.offer_ciphertext(index, prekey, given["coins"])
        responder = Responder(crypto, given["secret"], names, r1, mode)
        r2, theirs = responder.answer_ciphertext(cid_r, given["nonce_r"], given["kem_seed"])
    mine = initiator.verify(r2)
    return {
        "r1": r1,
        "r2": r2,
        "r3": Packets(crypto, RADIO_LINK, mine).seal(0, initiator.peer_cid, b"", 0),
        "chain_i2r": mine.send_chain,
        "chain_r2i": theirs.send_chain,
        "session_id": mine.session_id,
        "exporter": mine.exporter,
        "resumption": theirs.resumption,
    }


def recompute_mode(crypto, given, mode):
    """Follow docs/handshake.md from the inputs to the last key, by hand."""
    sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()  # noqa: E731
    secret, both = given["secret"], given["id_i"] + given["id_r"]
    nonce_i = given["cid_i"] + given["nonce_i_rest"]
    ek = crypto.kem_keypair(given["kem_seed"])
    ct, ss = crypto.kem_encapsulate(ek, given["coins"])
    index, body = (bytes(2), ek) if mode == HS_RK else (given["index"], ct)
    flags = bytes((1 << 3 | mode,))

    ticket = labelled(secret, b"id", size=8)
    heal = ticket + nonce_i + flags + index
    gate, bind = labelled(secret, b"gate", flags), labelled(secret, b"bind", flags)
    check = mac(gate, heal + both)[:8]
    r1 = heal + check + body
    r1 += mac(bind, r1 + both)[:16]

    clear = given["cid_i"] + given["cid_r"] + given["nonce_r"]
    clear = clear + ct if mode == HS_RK else b"\x83" + clear
    domain = b"pqmesh1 HS-RK v1" if mode == HS_RK else b"pqmesh1 HS-RP v1"
    th = sha(domain, lp(r1), lp(clear), both)
    z0 = mac(bytes(32), secret)
    z1 = mac(labelled(z0, b"d"), nonce_i + given["nonce_r"])
    z2 = mac(labelled(z1, b"d"), ss)
    mac_key = labelled(z2, b"fin r", th)
    r2 = clear + mac(mac_key, th)[:16]

    chain_i2r, chain_r2i = labelled(z2, b"ck i2r", th), labelled(z2, b"ck r2i", th)
    session_id = labelled(z2, b"sid", th, 8)
    key, iv = labelled(chain_i2r, b"key"), labelled(chain_i2r, b"iv", b"", 13)
    header = b"\x00" + given["cid_r"] + b"\x00\x00"
    r3 = header + crypto.seal(key, iv, session_id + bytes(6) + header, b"", 8)
    names = "ticket gate check bind r1 ss th z0 z1 z2 mac_key r2 chain_i2r chain_r2i session_id"
    values = locals()
    return {
        **{name: values[name] for name in (*names.split(), "key", "iv", "r3")},
        "exporter": labelled(z2, b"exporter", th),
        "resumption": labelled(z2, b"res", th),
    }


def _of_both_modes(compute, crypto, given):
    found = {}
    for name, mode in MODES.items():
        found.update({f"{name}_{key}": v for key, v in compute(crypto, given, mode).items()})
    return found


def observe(crypto, given):
    return _of_both_modes(observe_mode, crypto, given)


def recompute(crypto, given):
    return _of_both_modes(recompute_mode, crypto, given)


def main():
    for name, provider in providers().items():
        text = {
            "provider": provider.__name__,
            "inputs": {key: value.hex() for key, value in INPUTS.items()},
            "outputs": {k: v.hex() for k, v in sorted(recompute(provider(), INPUTS).items())},
        }
        (FOLDER / name).write_text(json.dumps(text, indent=1) + "\n")


if __name__ == "__main__":
    main()
