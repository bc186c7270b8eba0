// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * Reads a UF2 file: 512-byte blocks, each carrying a piece of flash and where it goes.
 *
 *   0 magic 0 | 4 magic 1 | 8 flags | 12 address | 16 bytes of payload | 20 number | 24 blocks
 *   28 family | 32 payload (476 bytes room) | 508 magic 2          all little-endian
 *
 * Layout and constants: the UF2 specification, as given in the Pico SDK's boot/uf2.h.
 */

const BLOCK_BYTES = 512;
const PAYLOAD_AT = 32;
const PAYLOAD_LIMIT = 476;
const MAGIC_0 = 0x0a324655;
const MAGIC_1 = 0x9e5d5157;
const MAGIC_2 = 0x0ab16f30;
const NOT_MAIN_FLASH = 0x00000001;
const FAMILY_PRESENT = 0x00002000;

export const FAMILY_RP2040 = 0xe48bff56;

/** The file is not a firmware image for this chip; the message says why. */
export class BadImage extends Error {}

/**
 * @param {Uint8Array} file
 * @param {number} family the chip family every block must be for
 * @returns {{address: number, bytes: Uint8Array}[]} pieces of flash, in file order
 * @throws {BadImage}
 */
export function parseUf2(file, family = FAMILY_RP2040) {
  if (file.length === 0 || file.length % BLOCK_BYTES !== 0) {
    throw new BadImage(`a UF2 file is a multiple of ${BLOCK_BYTES} bytes, not ${file.length}`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const count = file.length / BLOCK_BYTES;
  const pieces = [];
  for (let number = 0; number < count; number++) {
    const piece = parseBlock(file, view, number, count, family);
    if (piece !== null) pieces.push(piece);
  }
  if (pieces.length === 0) throw new BadImage('no block of this file is for main flash');
  return pieces;
}

function parseBlock(file, view, number, count, family) {
  const at = number * BLOCK_BYTES;
  const word = (offset) => view.getUint32(at + offset, true);
  const refuse = (why) => {
    throw new BadImage(`UF2 block ${number}: ${why}`);
  };
  if (word(0) !== MAGIC_0 || word(4) !== MAGIC_1 || word(508) !== MAGIC_2) refuse('bad magic');
  if (word(20) !== number || word(24) !== count) refuse('blocks missing or out of order');
  const flags = word(8);
  if (flags & NOT_MAIN_FLASH) return null;
  if (flags & FAMILY_PRESENT && word(28) !== family) {
    refuse(`made for chip family 0x${word(28).toString(16)}, want 0x${family.toString(16)}`);
  }
  const length = word(16);
  if (length > PAYLOAD_LIMIT) refuse(`${length} bytes of payload do not fit a block`);
  const start = at + PAYLOAD_AT;
  return { address: word(12), bytes: file.subarray(start, start + length) };
}
