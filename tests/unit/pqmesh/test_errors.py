# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whose fault it is must be readable off the class."""

import inspect

import pytest

from pqmesh import errors

ALL = [cls for _, cls in inspect.getmembers(errors, inspect.isclass)]


def test_the_docstring_draws_the_real_hierarchy():
    drawn = {}
    stack = [(-1, "MeshError")]
    for line in errors.__doc__.splitlines()[2:]:
        name = line.split(" ")[0] if line[:1].isalpha() else line.strip().split(" ")[0]
        depth = len(line) - len(line.lstrip())
        if name not in {cls.__name__ for cls in ALL} or "``" in line:
            continue
        while stack[-1][0] >= depth:
            stack.pop()
        drawn[name] = stack[-1][1]
        stack.append((depth, name))
    real = {cls.__name__: cls.__mro__[1].__name__ for cls in ALL if cls is not errors.MeshError}
    assert drawn == real


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_error_explains_itself(cls):
    assert cls.__doc__
    assert cls.__doc__.strip().endswith(".")
    assert issubclass(cls, errors.MeshError)


def test_nobody_is_to_blame_for_a_full_queue():
    assert not issubclass(errors.Busy, (errors.ProtocolError, errors.UsageError))


def test_what_happened_to_a_session_can_be_read_off_its_error():
    refused = errors.SessionRefused("not trusted", b"p" * 32)
    assert (str(refused), refused.reason, refused.peer_id) == ("not trusted",) * 2 + (b"p" * 32,)
    assert errors.SessionRefused("no answer").peer_id is None
    closed = errors.SessionEnded("closed", 3, True)
    assert (str(closed), closed.reason, closed.code, closed.by_peer) == ("closed",) * 2 + (3, True)
    assert errors.SessionEnded("silent").code is None
