# SPDX-License-Identifier: MIT OR Apache-2.0
"""Takes in a peer's credential as it arrives, and never holds the whole of it.

    credential  public key 1952 | epoch object 64 + 3309 | KEM leaf 1378               6703 bytes
    revocation  public key 1952 | epoch object 64 + 3309, with FLAG_KILL               5325

Each part is judged the moment it is complete, the cheapest judgement first: whose key it is, then
whether that epoch could be accepted at all (version, dates, rollback), then the signature, then
the leaf. What has been judged is let go: of the key its hash stays, of the signature nothing. So
the most that is held at once is key, body and signature, 5,325 bytes, in three pieces, which a
fragmented heap has sooner than one; ML-DSA-65 needs all of both for every row of its matrix, so
that nothing less will do. The leaf comes after they are gone.
"""

from ..compat import TYPE_CHECKING, const
from ..crypto import DSA_PUBLIC_BYTES, DSA_SIGNATURE_BYTES
from ..errors import Malformed, Unexpected, UsageError
from ..identity import peer_id_of, short
from .epoch import BODY_BYTES, LEAF_BYTES, check_signature, open_leaf, parse_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compat import Buffer
    from ..crypto import Crypto
    from .epoch import Epoch

CREDENTIAL_BYTES = const(6703)  # DSA_PUBLIC_BYTES + EPOCH_BYTES + LEAF_BYTES
REVOCATION_BYTES = const(5325)  # DSA_PUBLIC_BYTES + EPOCH_BYTES

_KEY = const(0)  # stages: the part that is coming in; the body's is 1
_SIGNATURE = const(2)
_LEAF = const(3)
_DONE = const(4)
_FAILED = const(5)
_SIZES = (DSA_PUBLIC_BYTES, BODY_BYTES, DSA_SIGNATURE_BYTES, LEAF_BYTES)


class Intake:
    """One credential on its way. ``feed`` in order; after an error it is of no more use.

    :param crypto: of the port pqmesh.crypto; one ``verify``
    :param expect: the PeerId it must be of; None takes anybody's
    :param judge: ``judge(peer_id, epoch)`` raises if that epoch would not be accepted anyway
    """

    def __init__(
        self,
        crypto: "Crypto",
        expect: "bytes | None" = None,
        judge: "Callable[[bytes, Epoch], object] | None" = None,
    ) -> None:
        self.peer_id = b""  # these four once the parts they are in have been judged
        self.epoch: "Epoch | None" = None
        self.slot = 0
        self.public = b""  # 1184 bytes; none in a revocation
        self._crypto = crypto
        self._expect = expect
        self._judge = judge
        self._stage = _KEY
        self._part: Buffer = bytearray(DSA_PUBLIC_BYTES)
        self._filled = 0
        self._key: Buffer = bytearray()

    def complete(self) -> bool:
        """Whether all of it is here, and good."""
        return self._stage == _DONE

    def feed(self, piece: "Buffer") -> bool:
        """Take the next bytes, any number of them; return whether that was all.

        :raises ProtocolError: it is not a credential that we would accept
        :raises UsageError: after an error
        """
        if self._stage == _FAILED:
            raise UsageError("this credential was refused")
        view = memoryview(piece)
        try:
            while len(view):
                view = view[self._fill(view) :]
        except Exception:
            self._stage = _FAILED
            self._key = self._part = bytearray()
            raise
        return self.complete()

    def _fill(self, view: memoryview) -> int:
        """Copy what fits of ``view`` into the present part; return how much that was."""
        if self._stage == _DONE:
            raise Malformed("%d bytes after the credential" % len(view))
        count = min(len(view), _SIZES[self._stage] - self._filled)
        self._part[self._filled : self._filled + count] = view[:count]
        self._filled += count
        if self._filled == _SIZES[self._stage]:
            self._judge_part()
        return count

    def _judge_part(self) -> None:
        part, stage = self._part, self._stage
        self._part = bytearray()
        if stage == _KEY:
            self._take_key(part)
        elif self.epoch is None:
            self._take_body(part)
        elif stage == _SIGNATURE:
            check_signature(self.epoch, self.peer_id, self._key, part, self._crypto)
            self._key = bytearray()
            if self.epoch.killed:
                stage = _LEAF  # a revocation has none
        else:
            self.slot, self.public = open_leaf(
                part, self.epoch.root, self.peer_id, self.epoch.epoch
            )
        self._stage = stage + 1
        self._filled = 0
        if self._stage != _DONE:
            self._part = bytearray(_SIZES[self._stage])

    def _take_key(self, part: "Buffer") -> None:
        self._key = part
        self.peer_id = peer_id_of(part)
        if self._expect is not None and self.peer_id != self._expect:
            found, wanted = short(self.peer_id), short(self._expect)
            raise Unexpected("a credential of %s in place of %s" % (found, wanted))

    def _take_body(self, part: "Buffer") -> None:
        self.epoch = parse_body(bytes(part))
        if self._judge is not None:
            self._judge(self.peer_id, self.epoch)
