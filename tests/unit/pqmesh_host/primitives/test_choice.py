# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which provider is taken: the first that is there and agrees with pyca."""

import logging

import pytest

from pqmesh_host.primitives import choice, native
from pqmesh_host.primitives.port import ProviderUnavailable
from pqmesh_host.primitives.pyca import PYCA, Pyca


class Deaf(Pyca):
    """Takes no signature."""

    name = "deaf"

    def verify(self, public_key, message, signature, context=b""):
        return False


class Credulous(Pyca):
    """Takes any."""

    name = "credulous"

    def verify(self, public_key, message, signature, context=b""):
        return True


class Stuck(Pyca):
    """Every secret is the same."""

    name = "stuck"

    def encapsulate(self, public_key):
        return bytes(32), super().encapsulate(public_key)[1]


def absent():
    raise ProviderUnavailable("not today")


def test_pyca_is_taken_where_nothing_else_is(monkeypatch):
    monkeypatch.setattr(choice, "OPTIONAL", (("absent", absent),))
    assert choice.best() is PYCA


def test_the_first_that_agrees_is_taken(monkeypatch):
    other = Pyca()
    monkeypatch.setattr(choice, "OPTIONAL", (("absent", absent), ("other", lambda: other)))
    assert choice.best() is other


@pytest.mark.parametrize("wrong", [Deaf(), Credulous(), Stuck()], ids=lambda p: p.name)
def test_one_that_disagrees_is_not(monkeypatch, caplog, wrong):
    monkeypatch.setattr(choice, "OPTIONAL", ((wrong.name, lambda: wrong),))
    with caplog.at_level(logging.ERROR):
        assert choice.best() is PYCA
    assert f"{wrong.name} disagrees" in caplog.text


def test_the_native_one_is_absent_unless_built(monkeypatch):
    monkeypatch.setattr(native, "MODULE", "pqmesh_host.primitives.nothing_of_this_name")
    with pytest.raises(ProviderUnavailable, match="not built"):
        native.load()
