# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden vectors of HS-S: every octet and every label of one handshake, and who computes them.

Two ways lead to the values. ``observe`` runs the engine's own classes and writes down what they
say. ``recompute`` follows docs/handshake.md with the standard library's hmac and hashlib and a
crypto provider, and shares no code with the engine; the test holds both against the file.

    PYTHONPATH=tests:firmware/micropython python -m support.hs_s_vectors     writes the files

Writing them anew is a change of protocol, to be reviewed as one.
"""

import hashlib
import hmac
import json
import pathlib

from pqmesh.engine.hs_s import Initiator, Responder
from pqmesh.engine.sender import MessageSender
from pqmesh.engine.stats import Tally
from pqmesh.identity import Identity
from pqmesh.limits import RADIO_LINK, SERIAL_LINK
from pqmesh.wire.handshake import Params

from .model_crypto import ModelCrypto

FOLDER = pathlib.Path(__file__).parents[1] / "vectors"
LINKS = {"serial": SERIAL_LINK, "radio": RADIO_LINK}

INPUTS = {
    "seed_i": bytes(range(0x20)),
    "seed_r": bytes(range(0x20, 0x40)),
    "cid_i": bytes.fromhex("a1b2"),
    "cid_r": bytes.fromhex("c3d4"),
    "nonce_i": bytes(range(0x40, 0x50)),
    "kem_seed": bytes(range(0x50, 0x90)),
    "rnd_i": bytes(range(0x90, 0xB0)),
    "nonce_r": bytes(range(0xB0, 0xC0)),
    "coins": bytes(range(0xC0, 0xE0)),
    "rnd_r": bytes(range(0xE0, 0x100)),
    "params_i": bytes.fromhex("1000080000000000"),
    "params_r": bytes.fromhex("ffff200000000000"),
}


def providers():
    """The vector files and who computes them; the real one needs a C compiler."""
    from .pqc_crypto import PqcCrypto

    return {"hs_s_model.json": ModelCrypto, "hs_s.json": PqcCrypto}


class Drawn:
    """Entropy that gives back what it was told, in order."""

    def __init__(self, *values):
        self._values = list(values)

    def __call__(self, size):
        value = self._values.pop(0)
        if len(value) != size:
            raise ValueError(f"{size} bytes wanted, {len(value)} are next")
        return value


def params(octets):
    return Params(int.from_bytes(octets[:2], "big"), octets[2], octets[3], octets[4:])


def observe(crypto, given):
    """Run the engine's initiator and responder on ``given``; return what they produced."""
    me, peer = Identity(given["seed_i"], crypto), Identity(given["seed_r"], crypto)
    initiator = Initiator(
        me,
        crypto,
        Drawn(given["nonce_i"], given["kem_seed"], given["rnd_i"]),
        params(given["params_i"]),
    )
    responder = Responder(
        peer,
        crypto,
        Drawn(given["nonce_r"], given["coins"], given["rnd_r"]),
        params(given["params_r"]),
    )
    m1 = initiator.offer(int.from_bytes(given["cid_i"], "big"))
    m2 = responder.answer(m1, int.from_bytes(given["cid_r"], "big"))
    initiator.verify(m2)
    m3, mine = initiator.finish()
    theirs = responder.admit(m3)
    if (mine.peer_id, theirs.peer_id) != (peer.peer_id, me.peer_id):
        raise ValueError("the two sides disagree on their names")
    return {
        "id_i": me.peer_id,
        "id_r": peer.peer_id,
        "m1": m1,
        "m2": m2,
        "m3": m3,
        "chain_i2r": mine.send_chain,
        "chain_r2i": theirs.send_chain,
        "session_id": mine.session_id,
        "exporter": mine.exporter,
        "resumption": theirs.resumption,
        **frames(m1, m2, m3),
    }


def frames(*messages):
    """Digest of each message's fragments, per link class; the fragments themselves repeat it."""
    found = {}
    for name, link in LINKS.items():
        for number, message in enumerate(messages, 1):
            sender = MessageSender(message, number, 0, link, Tally())
            digest = hashlib.sha256()
            for index in range(sender._count):
                digest.update(sender.frame(index, index == sender._count - 1))
            found[f"fragments_{name}_m{number}"] = digest.digest()
    return found


def lp(octets):
    return len(octets).to_bytes(2, "big") + octets


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def labelled(secret, label, context=b"", size=32):
    info = lp(b"pqmesh1 " + label) + lp(context) + size.to_bytes(2, "big")
    out = block = b""
    while len(out) < size:
        block = mac(secret, block + info + bytes([len(out) // 32 + 1]))
        out += block
    return out[:size]


def recompute(crypto, given):
    """Follow docs/handshake.md from the inputs to the last key, by hand."""
    sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()  # noqa: E731
    pk_i, pk_r = (crypto.dsa_public_key(given[seed]) for seed in ("seed_i", "seed_r"))
    id_i, id_r = (sha(b"AUTONOMI_PEER_ID_V2:", key) for key in (pk_i, pk_r))
    ek = crypto.kem_keypair(given["kem_seed"])
    m1 = b"\x01\x00\x01\x00" + given["cid_i"] + given["nonce_i"] + ek
    ct, ss = crypto.kem_encapsulate(ek, given["coins"])
    clear = given["cid_i"] + given["cid_r"] + b"\x01\x01" + given["nonce_r"] + ct
    th0 = sha(b"pqmesh1 HS-S v1", lp(b""), lp(b""))
    th1 = sha(th0, lp(m1), lp(clear))
    z0 = mac(bytes(32), bytes(32))
    z1 = mac(labelled(z0, b"d"), ss)

    mac_key_r = labelled(z1, b"fin r", th1)
    seal_key_r = labelled(z1, b"m2", th1, 45)
    mac_r = mac(mac_key_r, th1 + id_r)[:16]
    text_r = b"pqmesh1 sig R" + th1 + id_r
    sig_r = crypto.sign(given["seed_r"], text_r, b"pqmesh1-hs-r", given["rnd_r"])
    plain_r = pk_r + sig_r + mac_r + given["params_r"]
    seal_r = crypto.seal(seal_key_r[:32], seal_key_r[32:], th1, plain_r, 16)

    th2 = sha(th1, lp(seal_r))
    mac_key_i = labelled(z1, b"fin i", th2)
    seal_key_i = labelled(z1, b"m3", th2, 45)
    mac_i = mac(mac_key_i, th2 + id_i)[:16]
    text_i = b"pqmesh1 sig I" + th2 + id_i + id_r
    sig_i = crypto.sign(given["seed_i"], text_i, b"pqmesh1-hs-i", given["rnd_i"])
    plain_i = pk_i + sig_i + mac_i + given["params_i"]
    seal_i = crypto.seal(seal_key_i[:32], seal_key_i[32:], th2, plain_i, 16)
    th3 = sha(th2, lp(seal_i))

    chain_i2r = labelled(z1, b"ck i2r", th3)
    chain_r2i = labelled(z1, b"ck r2i", th3)
    session_id = labelled(z1, b"sid", th3, 8)
    key, iv = labelled(chain_r2i, b"key"), labelled(chain_r2i, b"iv", b"", 13)
    header = b"\x00" + given["cid_i"] + b"\x00\x00"
    m4 = header + crypto.seal(key, iv, session_id + bytes(6) + header, b"", 16)
    names = (
        "id_i id_r th0 th1 th2 th3 z0 z1 ss mac_key_r mac_key_i seal_key_r seal_key_i mac_r mac_i"
        " sig_r sig_i chain_i2r chain_r2i session_id key iv m4"
    )
    values = locals()
    return {
        **{name: values[name] for name in names.split()},
        "m1": m1,
        "m2": clear + seal_r,
        "m3": given["cid_r"] + seal_i,
        "exporter": labelled(z1, b"exporter", th3),
        "resumption": labelled(z1, b"res", th3),
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
