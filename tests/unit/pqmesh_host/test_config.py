# SPDX-License-Identifier: MIT OR Apache-2.0
"""The configuration file: every mistake is refused with its line and what would be right."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqmesh_host.config import ONCE, REPEATED, Config, ConfigError, load, parse

HERE = Path("/etc/pqmesh/pqmesh.toml")
ALICE, BOB = "a1" * 32, "b0" * 32
FULL = f"""
[identity]
path = "keys/me.seed"

[[link]]
device = "/dev/ttyACM0"
expect = "{ALICE}"

[[link]]
name = "emulated"
kind = "serial"
device = "unix:///run/board.sock"
baud = 9600
paced = false
wait = true

[quic]
listen = "[::1]:4433"
trust = ["{ALICE}"]
commands = "any"

[[peer]]
address = "mesh.example:4433"
id = "{BOB}"

[control]
socket = "control.sock"

[store]
path = "state.sqlite"

[metrics]
listen = "127.0.0.1:9464"
"""


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text, HERE)
    assert caught.value.exit_code == 3
    return caught.value


def test_an_empty_file_is_all_defaults() -> None:
    config = parse("", HERE)
    assert config.identity.path == Path("/etc/pqmesh/identity.seed")
    assert config.control.socket == Path("/etc/pqmesh/control.sock")
    assert config.store.path == Path("/etc/pqmesh/state.sqlite")
    assert config.quic.listen == ("127.0.0.1", 0)
    assert config.quic.trust == frozenset()
    assert (config.quic.traverse, config.quic.relay, config.quic.relay_host) == (
        False,
        frozenset(),
        "",
    )
    assert config.metrics.listen is None
    assert config.link == config.peer == ()


def test_every_section_arrives() -> None:
    config = parse(FULL, HERE)
    first, second = config.link
    assert config.identity.path == Path("/etc/pqmesh/keys/me.seed")
    assert (first.label, first.baud, first.expect) == ("/dev/ttyACM0", 115_200, b"\xa1" * 32)
    assert (second.label, second.baud, second.paced, second.wait) == (
        "emulated",
        9600,
        False,
        True,
    )
    assert config.quic.listen == ("::1", 4433)
    assert config.quic.commands is None
    assert config.peer[0].address == ("mesh.example", 4433)
    assert config.named_peers == {b"\xa1" * 32, b"\xb0" * 32}
    assert config.metrics.listen == ("127.0.0.1", 9464)


def test_a_misspelt_key_gets_its_line_and_the_right_name() -> None:
    error = refusal('[[link]]\ndevice = "/dev/a"\n\n[[link]]\ndevice = "/dev/b"\nbuad = 9600\n')
    assert error.message == f"{HERE}:6: unknown key 'buad' in [link]."
    assert error.advice == "Did you mean 'baud'?"


def test_a_misspelt_section_gets_its_line_and_the_right_name() -> None:
    error = refusal("[identity]\n\n[qiuc]\n")
    assert f"{HERE}:3: unknown section [qiuc]" in error.message
    assert error.advice == "Did you mean 'quic'?"


def test_a_name_like_no_other_gets_the_list() -> None:
    assert "Known names: control, floors, identity" in refusal("[zzz]\n").advice
    assert "Known names: socket" in refusal("[control]\nxyz = 1\n").advice


def test_a_missing_key_is_named() -> None:
    error = refusal("[[link]]\nbaud = 9600\n")
    assert f"{HERE}:1: [link] lacks the key 'device'" in error.message


def test_a_repeatable_section_written_once_is_explained() -> None:
    assert "Write it as [[link]]" in refusal('[link]\ndevice = "x"\n').advice


def test_a_setting_in_place_of_a_section_is_refused() -> None:
    assert f"{HERE}:1: [quic] must be a table" in refusal("quic = 3\n").message


def test_broken_toml_is_said_with_its_line() -> None:
    assert "line 2" in refusal("[quic]\nlisten =\n").message


def test_two_links_may_not_share_a_name() -> None:
    error = refusal('[[link]]\ndevice = "a"\n[[link]]\ndevice = "b"\nname = "a"\n')
    assert f"{HERE}:5: two links are called 'a'" in error.message


def test_a_peer_without_an_id_is_for_those_who_trust_everyone() -> None:
    error = refusal('[[peer]]\naddress = "mesh.example:4433"\n')
    assert f"{HERE}:2: [[peer]] lacks its id" in error.message
    assert parse('[quic]\ntrust = "any"\n[[peer]]\naddress = "h:1"\n', HERE).peer[0].id is None


def test_a_peer_has_an_address_or_an_id() -> None:
    assert f"{HERE}:1: [[peer]] lacks an address" in refusal("[[peer]]\n").message
    (peer,) = parse(f'[[peer]]\nid = "{"ab" * 32}"\n', HERE).peer
    assert (peer.address, peer.id) == (None, b"\xab" * 32)


def test_a_relay_knows_which_address_to_give_out() -> None:
    wildcard = '[quic]\nlisten = "[::]:4433"\nrelay = "any"\n'
    error = refusal(wildcard)
    assert f"{HERE}:3: a relay that listens on every address" in error.message
    assert "relay_host" in error.advice
    told = parse(wildcard + 'relay_host = "198.18.0.1"\n', HERE).quic
    assert (told.relay, told.relay_host) == (None, "198.18.0.1")
    assert parse('[quic]\nrelay = "any"\n', HERE).quic.relay is None


@pytest.mark.parametrize(
    ("section", "line", "wanted"),
    [
        ("[identity]", "path = 3", "want a path"),
        ("[identity]", 'path = ""', "want a path"),
        ("[[link]]", 'kind = "lora"', "'lora' is not one of: serial"),
        ("[[link]]", "device = 1", "want a port"),
        ("[[link]]", 'device = "socket://nohost"', "socket://host:port"),
        ("[[link]]", 'device = "socket://h:99999"', "Port out of range"),
        ("[[link]]", 'device = "unix://two/slashes"', "three slashes"),
        ("[[link]]", 'device = "tcp://h:1"', "socket://host:port"),
        ("[[link]]", "baud = 12", "12 is outside 300 to 4000000"),
        ("[[link]]", "baud = true", "want a whole number"),
        ("[[link]]", 'baud = "9600"', "want a whole number"),
        ("[[link]]", "wait = 1", "want true or false"),
        ("[[link]]", 'name = ""', "1 to 64 characters"),
        ("[[link]]", 'expect = "abcd"', "64 hexadecimal digits"),
        ("[[link]]", f'expect = "{"zz" * 32}"', "64 hexadecimal digits"),
        ("[[link]]", "expect = 7", "want a PeerId"),
        ("[quic]", 'listen = "4433"', 'want "address:port"'),
        ("[quic]", 'listen = "::1:4433"', "in brackets"),
        ("[quic]", 'listen = "localhost:4433"', "not an IP address"),
        ("[quic]", 'listen = "127.0.0.1:65536"', 'want "address:port"'),
        ("[quic]", "listen = 4433", 'want "address:port"'),
        ("[quic]", 'trust = "all"', 'want a list of PeerIds, or "any"'),
        ("[quic]", 'trust = ["a1"]', "64 hexadecimal digits"),
        ("[quic]", 'traverse = "yes"', "want true or false"),
        ("[quic]", 'relay = "all"', 'want a list of PeerIds, or "any"'),
        ("[quic]", 'relay_host = "me.example"', "want an IP address"),
        ("[quic]", "relay_host = 4", "want an IP address"),
        ("[[peer]]", 'address = "host:0"', "cannot be dialled"),
        ("[[peer]]", 'address = ":4433"', 'want "address:port"'),
        ("[metrics]", 'listen = "0.0.0.0:9464"', "not a loopback address"),
        ("[control]", f'socket = "{"x" * 120}"', "longer than the 107 bytes"),
    ],
)
def test_an_illegal_value_is_refused_with_what_is_wanted(
    section: str, line: str, wanted: str
) -> None:
    error = refusal(f"\n{section}\n{line}\n")
    assert wanted in error.message
    assert error.message.startswith(f"{HERE}:3: {line.split()[0]} in [")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file") as caught:
        load(tmp_path / "none.toml")
    assert "--config" in caught.value.advice


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="Cannot read"):
        load(tmp_path / "bad.toml")


def test_loading_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "pqmesh.toml").write_text(FULL)
    assert load(tmp_path / "pqmesh.toml").store.path == tmp_path / "state.sqlite"


def test_every_key_of_every_section_has_a_parser() -> None:
    for section in [*ONCE.values(), *REPEATED.values()]:
        for item in dataclasses.fields(section):
            assert callable(item.metadata["parse"]), f"{section.__name__}.{item.name}"
    assert {item.name for item in dataclasses.fields(Config)} == {*ONCE, *REPEATED}


JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(section=st.sampled_from([*ONCE.values(), *REPEATED.values()]), value=JSON, data=st.data())
def test_a_parser_raises_nothing_but_value_errors(
    section: type, value: object, data: st.DataObject
) -> None:
    item = data.draw(st.sampled_from(dataclasses.fields(section)))
    with contextlib.suppress(ValueError):
        item.metadata["parse"](value, Path("/etc"))
