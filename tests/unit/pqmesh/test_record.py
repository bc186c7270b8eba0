# SPDX-License-Identifier: MIT OR Apache-2.0
"""The stand-in for dataclasses, and every class built on it."""

import ast
import importlib
import inspect
import pkgutil
import textwrap

import pytest

import pqmesh
from pqmesh.record import Record, replace


class Point(Record):
    FIELDS = ("x", "y")

    x: int
    y: int


class Size(Record):
    FIELDS = ("x", "y")

    x: int
    y: int


def every_record():
    for module in pkgutil.walk_packages(pqmesh.__path__, "pqmesh."):
        importlib.import_module(module.name)
    pending = [Record]
    while pending:
        for cls in pending.pop().__subclasses__():
            pending.append(cls)
            if cls.__module__.startswith("pqmesh."):
                yield cls


@pytest.mark.parametrize("cls", list(every_record()), ids=lambda cls: cls.__qualname__)
def test_fields_and_annotations_agree(cls):
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    annotated = [
        node.target.id
        for statement in tree.body
        if isinstance(statement, (ast.AnnAssign, ast.If))  # some hide them from the runtime
        for node in ast.walk(statement)
        if isinstance(node, ast.AnnAssign) and node.target.id.islower()
    ]
    assert tuple(annotated) == cls.FIELDS


def test_by_position_and_by_name():
    assert Point(1, 2) == Point(y=2, x=1) == Point(1, y=2)


def test_types_are_not_mixed_up():
    assert Point(1, 2) != Size(1, 2)


def test_equal_values_hash_alike():
    assert len({Point(1, 2), Point(1, 2), Point(2, 1)}) == 2


def test_shows_its_fields():
    assert repr(Point(1, b"a")) == "Point(x=1, y=b'a')"


def test_a_missing_field_is_named():
    with pytest.raises(TypeError, match="missing field y"):
        Point(1)


@pytest.mark.parametrize(
    ("values", "named"), [((1, 2, 3), {}), ((1, 2), {"z": 3}), ((1, 2), {"x": 3})]
)
def test_a_surplus_field_is_refused(values, named):
    with pytest.raises(TypeError, match="unexpected field"):
        Point(*values, **named)


def test_replace_changes_a_copy():
    before = Point(1, 2)
    assert replace(before, y=5) == Point(1, 5)
    assert before == Point(1, 2)


def test_replace_refuses_a_field_that_is_not_there():
    with pytest.raises(TypeError):
        replace(Point(1, 2), z=3)
