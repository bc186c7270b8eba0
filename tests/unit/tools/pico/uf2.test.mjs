// SPDX-License-Identifier: MIT OR Apache-2.0
/** A UF2 file is either this chip's image, whole and in order, or it is refused with a reason. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadImage, FAMILY_RP2040, parseUf2 } from '../../../../tools/pico/uf2.mjs';

const FAMILY_RP2350 = 0xe48bff59;

function block(number, count, { family = FAMILY_RP2040, flags = 0x2000, length = 256 } = {}) {
  const file = Buffer.alloc(512);
  const address = 0x10000000 + number * 256;
  const words = [0x0a324655, 0x9e5d5157, flags, address, length, number, count, family];
  words.forEach((word, i) => file.writeUInt32LE(word, i * 4));
  file.fill(number + 1, 32, 32 + 256);
  file.writeUInt32LE(0x0ab16f30, 508);
  return file;
}

test('pieces keep their addresses and bytes', () => {
  const pieces = parseUf2(Buffer.concat([block(0, 2), block(1, 2)]));
  assert.deepEqual(pieces.map((piece) => piece.address), [0x10000000, 0x10000100]);
  assert.deepEqual([...pieces[1].bytes], new Array(256).fill(2));
});

test('a block that is not for main flash is left out', () => {
  const pieces = parseUf2(Buffer.concat([block(0, 2, { flags: 0x2001 }), block(1, 2)]));
  assert.equal(pieces.length, 1);
});

const REFUSED = {
  'empty file': [Buffer.alloc(0), /multiple of 512/],
  'cut file': [block(0, 1).subarray(0, 511), /multiple of 512/],
  'other chip': [block(0, 1, { family: FAMILY_RP2350 }), /family 0xe48bff59/],
  'missing block': [Buffer.concat([block(0, 3), block(2, 3)]), /missing or out of order/],
  'oversized payload': [block(0, 1, { length: 477 }), /477 bytes/],
  'nothing for flash': [block(0, 1, { flags: 0x2001 }), /no block/],
};

for (const [name, [file, reason]] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => parseUf2(file),
      (problem) => problem instanceof BadImage && reason.test(problem.message),
    );
  });
}

for (const offset of [0, 4, 508]) {
  test(`refused: bad magic at ${offset}`, () => {
    const file = block(0, 1);
    file[offset] ^= 1;
    assert.throws(() => parseUf2(file), /bad magic/);
  });
}
