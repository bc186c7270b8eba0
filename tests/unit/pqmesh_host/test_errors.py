# SPDX-License-Identifier: MIT OR Apache-2.0
"""An operator's error always has words, usually advice, and an exit code of its kind."""

from __future__ import annotations

import pytest

from pqmesh_host.errors import AddressUnavailable, OperatorError, StoreError


def test_the_text_is_message_and_advice() -> None:
    assert str(OperatorError("It broke.", "Mend it.")) == "It broke. Mend it."
    assert str(OperatorError("It broke.")) == "It broke."


@pytest.mark.parametrize(
    ("kind", "code"), [(OperatorError, 1), (AddressUnavailable, 6), (StoreError, 8)]
)
def test_each_kind_has_its_exit_code(kind: type[OperatorError], code: int) -> None:
    assert kind("x").exit_code == code
