# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who computes ML-KEM-768 and ML-DSA-65 on the host: one port, three providers.

    pyca    pyca/cryptography; always there, and what everything uses unless told otherwise
    liboqs  the optional extra ``oqs``, only where a liboqs shared library is installed
    native  our own C (firmware/c_pqc) built for this machine, only where somebody built it

docs/decisions/0022-handshake-cost.md has what each costs.
"""
