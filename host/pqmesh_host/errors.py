# SPDX-License-Identifier: MIT OR Apache-2.0
"""Errors an operator sees. Each one says what is wrong, what to do, and how the command exits.

OperatorError            base; carries ``advice`` and ``exit_code``
    ConfigError          3   the configuration file (config.py)
    IdentityFileError    4   the identity file (identity_file.py)
    LinkUnavailable      5   a link's device cannot be opened (transports/base.py)
    AddressUnavailable   6   a port or address is taken or not ours (node.py)
    NodeUnreachable      7   nobody answers on the control socket (ops/control_client.py)
    StoreError           8   the state database (store/sqlite.py)
    CommandTimeout       9   nobody answered in time (ops/control_client.py)
    CommandRefused       1   the other node, or ours, said no (ops/control_client.py)

Codes 0 (done), 1 (refused), 2 (wrong usage) and 130 (interrupted) follow the shells' customs.
Every other exception that reaches the command line is a bug, and is shown with its traceback.
"""

from __future__ import annotations


class OperatorError(Exception):
    """Something only the operator can put right."""

    exit_code: int = 1
    """Set per class; an instance may carry another."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        """What to do about it: one or two sentences, or empty when the message says it."""

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".rstrip()


class AddressUnavailable(OperatorError):
    """A socket address is taken by another program, or is not an address of this machine."""

    exit_code = 6


class StoreError(OperatorError):
    """The state database cannot be used."""

    exit_code = 8
