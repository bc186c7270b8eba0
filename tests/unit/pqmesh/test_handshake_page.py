# SPDX-License-Identifier: MIT OR Apache-2.0
"""docs/handshake.md names every field and label there is, and only symbols the model has."""

import pathlib
import re

import pytest

from pqmesh import kdf
from pqmesh.engine import hs_k, hs_k_schedule, hs_r, hs_rk, hs_s
from pqmesh.wire import fragment, handshake, healing, resumption, session
from pqmesh.wire import hs_k as hs_k_wire

ROOT = pathlib.Path(__file__).parents[3]
PAGE = (ROOT / "docs/handshake.md").read_text()
MODEL = (ROOT / "docs/formal/hss.pv.in").read_text()
MODEL_K = (ROOT / "docs/formal/hsk.pv.in").read_text()
MODEL_R = (ROOT / "docs/formal/hsr.pv.in").read_text()
TABLES_K = ("HS-K transcript field", "HS-K constant")
NOT_SENT_K = {  # of HS-K's transcript, or sent as something else
    "HELLO": "42",
    "RETRY": "24",
    "PeerId_R": "32",
    "SHA-256(ek_R)": "32",
    "epoch_R": "2",
    "PeerId_I": "32",
    "SHA-256(ek_I)": "32",
    "epoch_I": "2",
    "seal": "64",
    "params": "8",
    "fin_R": "16",
}
TABLES_R = ("HS-R transcript field", "HS-R constant")
TABLES_RK = ("HS-RK transcript field", "HS-RK constant")


def rows(first):
    """Cells of the table whose first column is called ``first``, code marks removed."""
    lines = PAGE.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(f"| {first} |"))
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.split("|")[1:-1]]


def code(cell):
    return re.findall(r"`([^`]*)`", cell)


def test_every_transcript_field_has_its_row_and_size():
    real = {
        f"{cls.__name__}.{name}": field.describe()
        for cls in handshake.ALL
        for name, field in cls.LAYOUT
    }
    drawn = {code(cells[0])[0]: cells[1] for cells in rows("transcript field")}
    assert drawn == real


def test_every_transcript_field_of_hs_r_has_its_row_and_size():
    real = {
        f"{cls.__name__}.{name}": field.describe()
        for cls in resumption.ALL
        for name, field in cls.LAYOUT
    }
    drawn = {code(cells[0])[0]: cells[1] for cells in rows("HS-R transcript field")}
    assert drawn == {**real, "PeerId_I": "32", "PeerId_R": "32"}


def test_every_transcript_field_of_hs_k_has_its_row_and_size():
    real = {
        f"{cls.__name__}.{name}": field.describe()
        for cls in hs_k_wire.ALL
        for name, field in cls.LAYOUT
    }
    drawn = {code(cells[0])[0]: cells[1] for cells in rows("HS-K transcript field")}
    assert drawn == {**real, **NOT_SENT_K}


def test_every_label_that_hs_k_uses_has_its_row_and_octets():
    names = {*vars(hs_k), *vars(hs_k_schedule)}
    used = {name for name in names if name.startswith(("LABEL_", "DOMAIN_", "CONTEXT_"))}
    drawn = {code(cells[0])[0]: code(cells[1])[0] for cells in rows("HS-K constant")}
    assert drawn == {name: getattr(kdf, name).decode() for name in used}


@pytest.mark.parametrize("table", TABLES_K)
def test_every_symbol_of_hs_k_is_in_its_model(table):
    for cells in rows(table):
        symbols = code(cells[2])
        assert symbols or cells[2] == "-"
        for symbol in symbols:
            assert re.search(rf"\b{symbol}\b", MODEL_K), symbol


def test_every_constant_of_the_model_of_hs_k_is_on_the_page():
    constants = re.findall(r"const ([\w, ]+): (?:bitstring|key)", MODEL_K)
    drawn = {s for table in TABLES_K for cells in rows(table) for s in code(cells[2])}
    told = set(code(PAGE.split("The model's other constants:")[1].split("\n\n")[0]))
    assert {name for group in constants for name in group.split(", ")} <= drawn | told


def test_every_label_that_hs_r_uses_has_its_row_and_octets():
    used = {name for name in vars(hs_r) if name.startswith(("LABEL_", "DOMAIN_", "CONTEXT_"))}
    drawn = {code(cells[0])[0]: code(cells[1])[0] for cells in rows("HS-R constant")}
    assert drawn == {name: getattr(kdf, name).decode() for name in used}


def test_every_transcript_field_of_hs_rk_and_hs_rp_has_its_row_and_size():
    real = {
        f"{cls.__name__}.{name}": field.describe()
        for cls in healing.ALL
        for name, field in cls.LAYOUT
    }
    drawn = {code(cells[0])[0]: cells[1] for cells in rows("HS-RK transcript field")}
    assert drawn == {**real, "PeerId_I": "32", "PeerId_R": "32"}


def test_every_label_that_hs_rk_and_hs_rp_use_has_its_row_and_octets():
    used = {name for name in vars(hs_rk) if name.startswith(("LABEL_", "DOMAIN_", "CONTEXT_"))}
    drawn = {code(cells[0])[0]: code(cells[1])[0] for cells in rows("HS-RK constant")}
    assert drawn == {name: getattr(kdf, name).decode() for name in used}


def test_every_label_has_its_row_and_octets():
    real = {
        name: value.decode()
        for name, value in vars(kdf).items()
        if name.startswith(("LABEL_", "DOMAIN_", "CONTEXT_"))
    }
    drawn = {code(cells[0])[0]: code(cells[1])[0] for cells in rows("constant in `kdf.py`")}
    assert drawn == real


@pytest.mark.parametrize("table", TABLES_R + TABLES_RK)
def test_every_symbol_of_hs_r_is_in_its_model(table):
    for cells in rows(table):
        symbols = code(cells[2])
        assert symbols
        for symbol in symbols:
            assert re.search(rf"\b{symbol}\b", MODEL_R), symbol


def test_every_constant_of_the_model_of_hs_r_is_on_the_page():
    constants = re.search(r"const ([\w, ]+): bitstring", MODEL_R).group(1).split(", ")
    drawn = {s for table in TABLES_R for cells in rows(table) for s in code(cells[2])}
    assert set(constants) <= drawn


@pytest.mark.parametrize("table", ["transcript field", "constant in `kdf.py`"])
def test_every_symbol_is_in_the_model(table):
    for cells in rows(table):
        symbols = code(cells[2])
        assert symbols or cells[2] == "-"
        for symbol in symbols:
            assert re.search(rf"\b{symbol}\b", MODEL), symbol


def test_every_constant_of_the_model_is_on_the_page():
    constants = re.search(r"const ([\w, ]+): bitstring", MODEL).group(1).split(", ")
    drawn = {
        s for table in ("constant in `kdf.py`",) for cells in rows(table) for s in code(cells[2])
    }
    assert set(constants) <= drawn


def test_every_label_is_used():
    package = ROOT / "firmware/micropython/pqmesh"
    used = "".join(p.read_text() for p in package.rglob("*.py") if p.name != "kdf.py")
    for name in vars(kdf):
        if name.startswith(("LABEL_", "DOMAIN_", "CONTEXT_")):
            assert len(re.findall(rf"\b{name}\b", used)) >= 2, name  # imported, and then used


def test_the_page_tells_the_lengths_of_the_messages():
    for size in (*handshake.MESSAGE_BYTES.values(), handshake.SEALED_BYTES):
        assert f"{size:,}" in PAGE
    for size in (hs_k_wire.OFFER_BYTES, hs_k_wire.ANSWER_BYTES, *hs_k_wire.HALVES):
        assert f"{size:,}" in PAGE
    for size in (resumption.RESUME_BYTES, resumption.RESUMED_BYTES):
        assert f"= {size}" in PAGE
    for size in (*resumption.R1_BYTES.values(), healing.HEALED_BYTES):
        assert f"= {size:,}" in PAGE


def test_the_page_and_the_wire_tables_agree_on_kinds():
    assert (fragment.SACK, fragment.POLL) == (0x80, 0x81)
    assert f"0 0x{fragment.SACK:02x} | 1 message" in PAGE
    assert f"0 0x{fragment.POLL:02x} | 1 message" in PAGE
    assert f"R1  0x{resumption.RESUME:02x} | ticket" in PAGE
    assert f"0x{resumption.RESUMED:02x} | CID_I" in PAGE
    assert f"M3  0x{hs_k_wire.CONFIRM:02x} | CID_R | fin_I" in PAGE
    assert f"`0x{hs_k_wire.NEED_CREDENTIAL:02x} | CID_I | CID_R | mac`" in PAGE
    assert session.HEADER_BYTES == 5
    assert "| 5 ciphertext |" in PAGE


def test_the_module_draws_the_same_schedule():
    for line in ("Extract(0^32, 0^32)", '"m2"', '"m3"', '"fin r"', '"fin i"', "th3"):
        assert line in PAGE
        assert line in hs_s.__doc__
    for line in (
        "SHA-256(th0 || PeerId_R || SHA-256(ek_R) || epoch_R || CID_I || ek_e || ct_R)",
        "SHA-256(th1 || PeerId_I || SHA-256(ek_I) || epoch_I ||",
        "th2 || fin_I",
    ):
        assert line in PAGE
        assert line in hs_k.__doc__
    for line in ("Extract(0^32, RS_n)", "nI || nR", '"bind"', '"id"', '"HS-R v1'):
        assert line.replace('"HS-R', "HS-R") in PAGE
        assert line.replace('"HS-R', "HS-R") in hs_r.__doc__
    for line in ("Z2", '"gate"', "HS-RK v1", "HS-RP v1", "|| nR)"):
        assert line in PAGE
        assert line in hs_rk.__doc__
