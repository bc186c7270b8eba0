# SPDX-License-Identifier: MIT OR Apache-2.0
"""The liboqs adapter where there is no liboqs: it must not import, and so not clone, anything."""

import importlib
import types
from typing import ClassVar

import pytest

from pqmesh_host.primitives import liboqs
from pqmesh_host.primitives.port import ProviderUnavailable
from pqmesh_host.primitives.pyca import PYCA


class NotSupported(Exception):
    """As liboqs-python's."""


class Kem:
    """liboqs-python's KeyEncapsulation, by pyca."""

    def __init__(self, name, secret_key=None):
        assert name == "ML-KEM-768"

    def generate_keypair(self):
        self._key = PYCA.kem_key()
        return self._key.public

    def encap_secret(self, public):
        try:
            shared, ciphertext = PYCA.encapsulate(public)
        except ValueError as error:
            raise RuntimeError("Can not encapsulate secret") from error
        return ciphertext, shared

    def decap_secret(self, ciphertext):
        return self._key.decapsulate(ciphertext)


class Signature:
    """liboqs-python's Signature, by pyca, which knows its keys by the public half's rho."""

    seeds: ClassVar[dict] = {}

    def __init__(self, name, secret_key=None):
        assert name == "ML-DSA-65"
        self._secret = secret_key

    def sign(self, message):
        return self.sign_with_ctx_str(message, b"")

    def sign_with_ctx_str(self, message, context):
        assert len(self._secret) == 4032
        return PYCA.signing_key(self.seeds[self._secret[:32]]).sign(message, context)

    def verify(self, message, signature, public):
        return PYCA.verify(public, message, signature)

    def verify_with_ctx_str(self, message, signature, context, public):
        return PYCA.verify(public, message, signature, context)


def double(version="0.16.0", **changes):
    names = {
        "KeyEncapsulation": Kem,
        "Signature": Signature,
        "MechanismNotSupportedError": NotSupported,
        "oqs_version": lambda: version,
        **changes,
    }
    return types.SimpleNamespace(**names)


def test_the_adapter_passes_everything_on_in_the_right_order():
    seed = bytes(range(32))
    provider = liboqs.of_module(double())
    key = provider.signing_key(seed)
    Signature.seeds[key.public[:32]] = seed
    assert key.public == PYCA.signing_key(seed).public
    assert PYCA.verify(key.public, b"message", key.sign(b"message"))
    assert provider.verify(key.public, b"message", key.sign(b"message", b"c"), b"c")
    assert not provider.verify(key.public, b"message", key.sign(b"message"), b"c")
    assert not provider.verify(key.public, b"message", b"short")
    kem = provider.kem_key()
    shared, ciphertext = provider.encapsulate(kem.public)
    assert kem.decapsulate(ciphertext) == shared
    with pytest.raises(ValueError, match="modulus"):
        provider.encapsulate(b"\xff" * 1184)


def test_without_a_library_nothing_is_imported(monkeypatch, tmp_path):
    monkeypatch.setattr(liboqs.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setenv("OQS_INSTALL_PATH", str(tmp_path))
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail("imported"))
    with pytest.raises(ProviderUnavailable, match="no liboqs"):
        liboqs.load()


def test_a_file_that_is_no_library_is_not_taken_for_one(monkeypatch, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "liboqs.so").write_bytes(b"not a library")
    monkeypatch.setattr(liboqs.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setenv("OQS_INSTALL_PATH", str(tmp_path))
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail("imported"))
    with pytest.raises(ProviderUnavailable, match="cannot be loaded"):
        liboqs.load()


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (types.SimpleNamespace(), "not liboqs-python"),
        (double("0.10.2"), "no final ML-DSA"),
    ],
)
def test_what_else_is_called_oqs_is_refused(module, why):
    with pytest.raises(ProviderUnavailable, match=why):
        liboqs.of_module(module)


def test_a_library_without_the_algorithm_is_refused():
    class Lacking(Kem):
        def __init__(self, name, secret_key=None):
            raise NotSupported(name)

    with pytest.raises(ProviderUnavailable, match="built without ML-KEM-768"):
        liboqs.of_module(double(KeyEncapsulation=Lacking))


def test_a_library_without_its_python_half_is_refused(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(liboqs, "find_library", lambda: "libc.so.6")
    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ProviderUnavailable, match="liboqs-python is not"):
        liboqs.load()
