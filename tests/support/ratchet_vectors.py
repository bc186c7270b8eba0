# SPDX-License-Identifier: MIT OR Apache-2.0
"""Golden vectors of the session's ratchet: five epochs of one direction, and a frame of each.

``observe`` runs the engine's own classes, ``recompute`` follows docs/handshake.md by hand and
shares no code with them. The keys are SHA-256; the frames are AES-256-CCM, by whoever is asked.

    PYTHONPATH=tests:firmware/micropython python -m support.ratchet_vectors     writes the file
"""

import json

from pqmesh.engine.hs_s import Outcome
from pqmesh.engine.packets import Packets
from pqmesh.limits import RADIO_LINK

from .hs_s_vectors import FOLDER, labelled
from .model_crypto import ModelCrypto

FILE = FOLDER / "ratchet.json"
EPOCHS = 5  # one more than two bits tell apart
INPUTS = {
    "chain": bytes(range(0x20)),
    "peer_chain": bytes(range(0x20, 0x40)),
    "session_id": bytes(range(0x40, 0x48)),
    "cid": bytes.fromhex("a1b2"),
    "text": b"eighteen degrees and falling",
}


def observe(crypto, given):
    """Seal a frame in each epoch with the engine's classes; the peer follows each time."""
    chains = given["chain"], given["peer_chain"]
    ends = [
        Packets(crypto, RADIO_LINK, Outcome(b"", None, given["session_id"], out, into, b"", b""))
        for out, into in (chains, chains[::-1])
    ]
    found = {}
    for number in range(EPOCHS):
        if number:
            answer = ends[1].seal(0, 0, b"", 0)
            _take(ends[0], answer)
            ends[0].ratchet.step()
        frame = ends[0].seal(1, int.from_bytes(given["cid"], "big"), given["text"], 0)
        found[f"key_{number}"] = bytes(ends[0].ratchet.sending.key)
        found[f"iv_{number}"] = ends[0].ratchet.sending.nonce(0)
        found[f"frame_{number}"] = frame
        _take(ends[1], frame)
    return found


def _take(end, frame):
    from pqmesh.wire.session import decode_header

    end.open(decode_header(frame), frame, 0)


def recompute(crypto, given):
    """Follow docs/handshake.md from the first chain key to the last frame, by hand."""
    chain, found = given["chain"], {}
    for number in range(EPOCHS):
        key, iv = labelled(chain, b"key"), labelled(chain, b"iv", b"", 13)
        header = bytes([(number % 4) << 4 | 1]) + given["cid"] + number.to_bytes(2, "big")
        nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(13, "big")
        aad = given["session_id"] + number.to_bytes(6, "big") + header
        found[f"key_{number}"], found[f"iv_{number}"] = key, iv
        found[f"frame_{number}"] = header + crypto.seal(key, nonce, aad, given["text"], 8)
        chain = labelled(chain, b"ck")
    return found


def providers():
    """Who seals the frames; the real one needs a C compiler."""
    from .pqc_crypto import PqcCrypto

    return {"model": ModelCrypto, "real": PqcCrypto}


def main():
    """Write the file anew."""
    outputs = {
        name: {key: value.hex() for key, value in sorted(recompute(make(), INPUTS).items())}
        for name, make in providers().items()
    }
    given = {key: value.hex() for key, value in INPUTS.items()}
    FILE.write_text(json.dumps({"inputs": given, **outputs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
