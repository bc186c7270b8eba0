# SPDX-License-Identifier: MIT OR Apache-2.0
"""Finds the machine's Debian mirror in its own apt sources, so that no host name is written down.

Pure: text in, values out. Both forms of sources.list(5) are read: one line per repository
(`deb [options] URI suite component...`) and deb822 stanzas (`Types:`, `URIs:`, ...).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ONE_LINE = re.compile(r"(?P<type>deb|deb-src)\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>\S.*)\Z")
# Suites of the main Debian archive. A release newer than these is still found on a machine that
# runs it, by VERSION_CODENAME.
_DEBIAN_RELEASES = {"bullseye", "bookworm", "trixie", "forky", "sid"}
_DEBIAN_SUITES = _DEBIAN_RELEASES | {"unstable", "testing", "stable", "oldstable"}
_UNUSABLE_SCHEMES = ("cdrom:",)


@dataclass(frozen=True)
class Repository:
    """One URI of one apt source entry."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""  # key file path, or an inline key block as deb822 writes it

    def stanza(self, suite: str, types: str) -> str:
        """A deb822 stanza for `suite` on this mirror, component main, checked by the same key."""
        lines = [
            f"Types: {types}",
            f"URIs: {self.uri}",
            f"Suites: {suite}",
            "Components: main",
        ]
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        return "\n".join(lines) + "\n"


def parse_one_line(text: str) -> Iterator[Repository]:
    """Repositories of a `.list` file. Comments and lines that are not entries are skipped."""
    for raw in text.splitlines():
        match = _ONE_LINE.match(raw.split("#", 1)[0].strip())
        if match is None:
            continue
        words = match["rest"].split()
        if len(words) < 3:
            continue  # a flat repository: "deb URI path/", without components
        yield Repository(
            words[0], (words[1],), tuple(words[2:]), _option(match["options"] or "", "signed-by")
        )


def parse_deb822(text: str) -> Iterator[Repository]:
    """Repositories of a `.sources` file. Stanzas with `Enabled: no` are skipped."""
    for fields in _stanzas(text):
        if fields.get("enabled", "yes").lower() in ("no", "false", "0", "off", "without"):
            continue
        suites = tuple(fields.get("suites", "").split())
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            yield Repository(uri, suites, components, fields.get("signed-by", ""))


def debian_mirrors(repositories: Iterable[Repository], codename: str) -> list[Repository]:
    """Mirrors of the main Debian archive among `repositories`, the most likely first.

    A third-party repository may call its suite after a Debian release too, so candidates are
    ranked: the machine's own release, a URI that ends in "debian", a key of the Debian archive.
    """
    found: dict[str, tuple[int, Repository]] = {}
    for repository in repositories:
        score = _likeness(repository, codename)
        if score > 0 and score > found.get(repository.uri, (0, repository))[0]:
            found[repository.uri] = (score, repository)
    ranked = sorted(found.values(), key=lambda item: (-item[0], item[1].uri))
    return [repository for _, repository in ranked]


def _likeness(repository: Repository, codename: str) -> int:
    """How much an entry looks like the main Debian archive; 0 = it cannot be it."""
    suites = set(repository.suites)
    if repository.uri.startswith(_UNUSABLE_SCHEMES) or "main" not in repository.components:
        return 0
    if not suites & (_DEBIAN_SUITES | {codename}):
        return 0
    last = repository.uri.rstrip("/").rsplit("/", 1)[-1]
    score = 1
    score += 4 * (last in ("debian", "debian.list"))
    score += 2 * ("debian-archive" in repository.signed_by)
    score += 1 * (codename in suites)
    return score


def _option(options: str, name: str) -> str:
    for option in options.split():
        key, _, value = option.partition("=")
        if key.lower() == name:
            return value
    return ""


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """deb822: fields in lower case, continuation lines kept as they are, comments dropped."""
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] += "\n" + line
        elif ":" in line:
            key, _, value = line.partition(":")
            name = key.strip().lower()
            fields[name] = value.strip()
