// SPDX-License-Identifier: MIT OR Apache-2.0
// Interned strings that no source file names. None so far.
