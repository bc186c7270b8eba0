# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Debian mirror is found in any form apt allows, and nothing else is taken for it."""

from hypothesis import given
from hypothesis import strategies as st

from tools.firmware.apt_sources import (
    Repository,
    debian_mirrors,
    parse_deb822,
    parse_one_line,
)

DEB822 = """\
# the machine's own mirror
Types: deb
# an old snapshot
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
"""


def uris(repositories: list[Repository]) -> list[str]:
    return [repository.uri for repository in repositories]


class TestDeb822:
    def test_reads_every_enabled_stanza(self) -> None:
        found = list(parse_deb822(DEB822))
        assert uris(found) == ["http://mirror.test/debian", "http://mirror.test/debian-security"]
        assert found[0].suites == ("bookworm", "bookworm-updates")
        assert found[0].signed_by == "/usr/share/keyrings/debian-archive-keyring.gpg"

    def test_one_repository_for_each_uri(self) -> None:
        text = "Types: deb\nURIs: http://a.test/debian http://b.test/debian\nSuites: sid\n"
        assert uris(list(parse_deb822(text))) == ["http://a.test/debian", "http://b.test/debian"]

    def test_an_inline_key_survives_into_the_written_stanza(self) -> None:
        text = (
            "Types: deb\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: main\n"
            "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n"
        )
        (repository,) = parse_deb822(text)
        (again,) = parse_deb822(repository.stanza("trixie", "deb-src"))
        assert again.signed_by == repository.signed_by
        assert again.suites == ("trixie",)

    @given(st.text())
    def test_any_text_is_survived(self, text: str) -> None:
        list(parse_deb822(text))


class TestOneLine:
    def test_reads_options_and_skips_comments(self) -> None:
        text = (
            "# deb http://off.test/debian bookworm main\n"
            "deb [arch=amd64 signed-by=/k.gpg] http://a.test/debian bookworm main contrib # x\n"
            "deb-src http://a.test/debian bookworm main\n"
            "deb http://flat.test/packages ./\n"
        )
        found = list(parse_one_line(text))
        assert uris(found) == ["http://a.test/debian", "http://a.test/debian"]
        assert found[0].signed_by == "/k.gpg"
        assert found[0].components == ("main", "contrib")

    @given(st.text())
    def test_any_text_is_survived(self, text: str) -> None:
        list(parse_one_line(text))


class TestDebianMirrors:
    def test_the_archive_comes_before_what_only_looks_like_it(self) -> None:
        third_party = Repository("http://node.test/18.x", ("bookworm",), ("main",), "/n.gpg")
        archive = Repository("http://mirror.test/debian/", ("bookworm",), ("main",))
        assert debian_mirrors([third_party, archive], "bookworm")[0] == archive

    def test_other_suites_and_components_are_no_candidates(self) -> None:
        others = [
            Repository("http://a.test/debian-security", ("bookworm-security",), ("main",)),
            Repository("http://b.test/debian", ("bookworm",), ("stable",)),
            Repository("http://c.test/apt", ("nodistro",), ("main",)),
            Repository("cdrom:[Debian 12]/", ("bookworm",), ("main",)),
        ]
        assert debian_mirrors(others, "bookworm") == []

    def test_a_release_of_the_future_is_known_by_its_codename(self) -> None:
        future = Repository("http://mirror.test/debian", ("duke",), ("main",))
        assert debian_mirrors([future], "bookworm") == []
        assert debian_mirrors([future], "duke") == [future]

    def test_a_list_of_mirrors_is_kept_as_apt_knows_it(self) -> None:
        cloud = Repository("mirror+file:/etc/apt/mirrors/debian.list", ("trixie",), ("main",))
        assert debian_mirrors([cloud], "trixie") == [cloud]

    def test_each_mirror_is_named_once(self) -> None:
        entry = Repository("http://mirror.test/debian", ("bookworm",), ("main",))
        source = Repository("http://mirror.test/debian", ("bookworm", "sid"), ("main",))
        assert len(debian_mirrors([entry, source], "bookworm")) == 1
