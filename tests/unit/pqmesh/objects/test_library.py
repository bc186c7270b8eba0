# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is remembered of objects that came."""

from pqmesh.objects.library import AGAIN_MS, BAD_HEADS, Library


def test_that_it_is_here_is_said_when_it_is_good_and_not_too_often():
    library = Library(4)
    known = library.add(b"object", b"digest")
    known.plan(5, 0)
    assert library.moments() == [None]  # the owner has not accepted it
    known.good = True
    known.plan(5, 0)
    known.plan(3, 0)
    assert (library.due(4), library.due(5)) == (None, known)
    known.said(5)
    known.plan(7, 6)
    assert library.moments() == [None]
    known.plan(5 + AGAIN_MS, 5 + AGAIN_MS)
    assert library.moments() == [5 + AGAIN_MS]


def test_when_three_others_have_said_it_we_need_not():
    known = Library(4).add(b"object", b"digest")
    known.good = True
    known.plan(9, 0)
    for dtag in (b"a", b"a", b"b"):
        known.on_have(dtag, 1)
    assert known.say_at == 9
    known.on_have(b"c", 2)
    assert (known.say_at, known.said_at) == (None, 2)


def test_the_oldest_is_forgotten():
    library = Library(2)
    first = library.add(b"1", b"")
    assert library.add(b"1", b"") is first
    for name in (b"2", b"3"):
        library.add(name, b"")
    assert library.find(b"1") is None
    assert library.find(b"3") is not None


def test_so_are_the_oldest_liars():
    library = Library(2)
    for number in range(BAD_HEADS + 1):
        library.lied(bytes((number,)))
    assert [library.is_liar(bytes((n,))) for n in (0, 1, BAD_HEADS)] == [False, True, True]
