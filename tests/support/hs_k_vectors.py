# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden vectors of HS-K: every octet and every label of one handshake, and who computes them.

As for HS-S (hs_s_vectors): ``observe`` runs the engine's own classes, ``recompute`` follows
docs/handshake.md by hand and shares no code with them. HELLO, RETRY and the echo are written out
too; the credential's halves, which are long, are kept by their digests.

    PYTHONPATH=tests:firmware/micropython python -m support.hs_k_vectors     writes the files
"""

import hashlib
import json

from pqmesh.credentials.keyring import OwnKey, PeerKey
from pqmesh.engine.front import Front
from pqmesh.engine.hs_k import Initiator, Responder
from pqmesh.wire.hs_k import PART_1, PART_2, NeedCredential
from pqmesh.wire.layout import decode

from .hs_s_vectors import FOLDER, Drawn, labelled, lp, mac, params
from .model_crypto import ModelCrypto

INPUTS = {
    "id_i": bytes(range(0x20)),
    "id_r": bytes(range(0x20, 0x40)),
    "static_i": bytes(range(0x40, 0x80)),
    "static_r": bytes(range(0x80, 0xC0)),
    "epoch_i": bytes.fromhex("0102"),
    "epoch_r": bytes.fromhex("0304"),
    "slot_i": bytes.fromhex("0001"),
    "slot_r": bytes.fromhex("0007"),
    "nonce_i": bytes(range(0xA0, 0xB0)),
    "nonce_r": bytes(range(0xB0, 0xC0)),
    "cid_r": bytes.fromhex("c3d4"),
    "kem_seed": bytes(range(0x10, 0x50)),
    "coins_r": bytes(range(0xC0, 0xE0)),
    "coins_e": bytes(range(0xD0, 0xF0)),
    "coins_i": bytes(range(0xE0, 0x100)),
    "params_i": bytes.fromhex("1000080000000000"),
    "params_r": bytes.fromhex("ffff200000000000"),
}
CREDENTIAL = bytes([n % 251 for n in range(6703)])


def providers():
    """The vector files and who computes them; the real one needs a C compiler."""
    from .pqc_crypto import PqcCrypto

    return {"hs_k_model.json": ModelCrypto, "hs_k.json": PqcCrypto}


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def frames_before(given, credential_r):
    """HELLO, RETRY and the echo, octet by octet."""
    nonce = given["nonce_i"]
    rtag = sha(b"pqmesh1 rtag", given["id_r"], nonce)[:6]
    hello = b"\x84\x81\x02\x02" + rtag + nonce + credential_r + bytes(8)
    retry = b"\x85\x09" + nonce[:4] + given["nonce_r"] + b"\x20\xde"
    echo = nonce + given["nonce_r"] + credential_r + bytes(8) + b"\x81\x02\x02\x09\x20\xde"
    return hello, retry, echo


def key_of(crypto, given, role):
    """The static key of a role, and the id of its credential."""
    ek = crypto.kem_keypair(given[f"static_{role}"])
    named = (given[f"id_{role}"], given[f"epoch_{role}"], given[f"slot_{role}"], ek)
    return ek, sha(b"pqmesh1 cred", *named)[:8]


def own(crypto, given, role):
    ek, name = key_of(crypto, given, role)
    slot, epoch = (int.from_bytes(given[f"{what}_{role}"], "big") for what in ("slot", "epoch"))
    return OwnKey(slot, epoch, given[f"static_{role}"], ek, name)


def observe(crypto, given):
    """Run the engine's initiator and responder on ``given``; return what they produced."""
    keys = {role: own(crypto, given, role) for role in "ir"}
    peers = {
        role: PeerKey(given[f"id_{role}"], key.epoch, key.public, key.credential_id)
        for role, key in keys.items()
    }
    hello, retry, echo = frames_before(given, keys["r"].credential_id)
    front = Front(hello, retry, echo, int.from_bytes(given["nonce_i"][:2], "big"))
    initiator = Initiator(
        given["id_i"],
        keys["i"],
        peers["r"],
        crypto,
        Drawn(given["kem_seed"], given["coins_r"]),
        params(given["params_i"]),
    )
    responder = Responder(
        given["id_r"],
        keys["r"],
        crypto,
        Drawn(given["coins_e"], given["coins_i"]),
        params(given["params_r"]),
    )
    cid_r = int.from_bytes(given["cid_r"], "big")
    m1 = initiator.offer(front)
    responder.open(front, m1)
    need = responder.ask(cid_r)
    initiator.check_need(decode(NeedCredential, need))
    parts = [initiator.part(number, CREDENTIAL, cid_r) for number in (PART_1, PART_2)]
    halves = [responder.part(n, part) for n, part in zip((PART_1, PART_2), parts, strict=True)]
    if b"".join(halves) != CREDENTIAL:
        raise ValueError("the credential did not arrive")
    m2 = responder.answer(peers["i"], cid_r)
    initiator.verify(m2)
    m3, mine = initiator.finish()
    theirs = responder.admit(m3)
    if (mine.peer_id, theirs.peer_id) != (given["id_r"], given["id_i"]):
        raise ValueError("the two sides disagree on their names")
    return {
        "hello": hello,
        "retry": retry,
        "m1": m1,
        "need": need,
        "part_1": sha(parts[0]),
        "part_2": sha(parts[1]),
        "m2": m2,
        "m3": m3,
        "chain_i2r": mine.send_chain,
        "chain_r2i": theirs.send_chain,
        "session_id": mine.session_id,
        "exporter": mine.exporter,
        "resumption": theirs.resumption,
    }


def halves(crypto, given, z1, th1):
    """The two messages of c1, by hand."""
    for number, half in ((b"\x00", CREDENTIAL[:3352]), (b"\x03", CREDENTIAL[3352:])):
        context = th1 + number + given["cid_r"]
        key = labelled(z1, b"part", context, 45)
        sealed = crypto.seal(key[:32], key[32:], context, half, 16)
        yield sha(given["cid_r"] + sealed)


def recompute(crypto, given):
    """Follow docs/handshake.md from the inputs to the last key, by hand."""
    cid_i, cid_r = given["nonce_i"][:2], given["cid_r"]
    (ek_i, credential_i), (ek_r, credential_r) = (key_of(crypto, given, role) for role in "ir")
    hello, retry, echo = frames_before(given, credential_r)
    ek_e = crypto.kem_keypair(given["kem_seed"])
    ct_r, ss_r = crypto.kem_encapsulate(ek_r, given["coins_r"])
    th0 = sha(b"pqmesh1 HS-K v1", lp(hello), lp(retry))
    th1 = sha(th0, given["id_r"], sha(ek_r), given["epoch_r"], cid_i, ek_e, ct_r)
    z0 = mac(bytes(32), bytes(32))
    z1 = mac(labelled(z0, b"d"), ss_r)
    m1_key = labelled(z1, b"m1", th1, 45)
    introduction = given["id_i"] + credential_i + given["params_i"]
    sealed = crypto.seal(m1_key[:32], m1_key[32:], th1, introduction, 16)
    need_mac = mac(labelled(z1, b"need", th1), th1 + cid_r)[:16]
    part_1, part_2 = halves(crypto, given, z1, th1)

    ct_e, ss_e = crypto.kem_encapsulate(ek_e, given["coins_e"])
    ct_i, ss_i = crypto.kem_encapsulate(ek_i, given["coins_i"])
    z2 = mac(labelled(z1, b"d"), ss_e)
    z3 = mac(labelled(z2, b"d"), ss_i)
    initiator = given["id_i"] + sha(ek_i) + given["epoch_i"]
    th2 = sha(th1, initiator, sealed, cid_r, ct_e, ct_i, given["params_r"])
    fin_r = mac(labelled(z3, b"fin r", th2), th2)[:16]
    fin_i = mac(labelled(z3, b"fin i", th2), th2)[:16]
    names = "hello retry th0 th1 th2 z1 z2 z3 ss_r ss_e ss_i m1_key fin_r fin_i part_1 part_2"
    values = locals()
    return {
        **{name: values[name] for name in names.split()},
        "m1": echo + ek_e + ct_r + sealed,
        "need": b"\x87" + cid_i + cid_r + need_mac,
        "m2": cid_i + cid_r + ct_e + ct_i + given["params_r"] + fin_r,
        "m3": b"\x86" + cid_r + fin_i,
        "chain_i2r": labelled(z3, b"ck i2r", th2),
        "chain_r2i": labelled(z3, b"ck r2i", th2),
        "session_id": labelled(z3, b"sid", th2, 8),
        "exporter": labelled(z3, b"exporter", th2 + fin_i),
        "resumption": labelled(z3, b"res", th2 + fin_i),
    }


def vector(crypto):
    """The whole content of one file."""
    by_hand, by_engine = recompute(crypto, INPUTS), observe(crypto, INPUTS)
    return {
        "provider": type(crypto).__name__,
        "inputs": {name: value.hex() for name, value in INPUTS.items()},
        "outputs": {name: value.hex() for name, value in {**by_hand, **by_engine}.items()},
    }


def main():
    for name, provider in providers().items():
        text = json.dumps(vector(provider()), indent=1)
        (FOLDER / name).write_text(text + "\n")


if __name__ == "__main__":
    main()
