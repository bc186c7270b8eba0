// SPDX-License-Identifier: MIT OR Apache-2.0
/** The flash behaves like NOR, is in its file at once, and can lose power half way. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { FLASH_BASE, FLASH_BYTES, Flash, FlashError, PowerCut } from '../../../../tools/pico/flash.mjs';

let folder;
let path;
let opened;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flash-'));
  path = join(folder, 'flash.bin');
  opened = [];
});

afterEach(() => {
  for (const flash of opened) flash.close();
  rmSync(folder, { recursive: true });
});

function open(cutAfter = null) {
  const flash = new Flash(new Uint8Array(FLASH_BYTES), path, cutAfter);
  opened.push(flash);
  return flash;
}

const page = (octet) => new Uint8Array(256).fill(octet);

test('a new chip is blank and its file private', () => {
  const flash = open();
  assert.ok(flash.array.every((octet) => octet === 0xff));
  assert.equal(statSync(path).size, FLASH_BYTES);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('programming can only clear bits; erasing sets a sector', () => {
  const flash = open();
  flash.program(4096, page(0b1100));
  flash.program(4096, page(0b0110));
  assert.equal(flash.array[4096], 0b0100);
  flash.erase(4096, 4096);
  assert.equal(flash.array[4096], 0xff);
});

test('every operation is in the file when it returns', () => {
  open().program(8192, page(7));
  assert.equal(readFileSync(path)[8192], 7);
  assert.equal(open().array[8192], 7);
});

test('loading an image leaves the sectors beside it alone', () => {
  const flash = open();
  flash.program(0, page(0));
  flash.program(1 << 20, page(5));
  flash.load([{ address: FLASH_BASE, bytes: page(9).subarray(0, 100) }]);
  assert.equal(flash.array[0], 9);
  assert.equal(flash.array[100], 0xff);
  assert.equal(readFileSync(path)[1 << 20], 5);
});

test('the power fails in the middle of the chosen operation', () => {
  const flash = open(1);
  flash.program(0, page(1));
  assert.throws(() => flash.program(256, page(2)), PowerCut);
  const kept = readFileSync(path);
  assert.equal(kept[0], 1);
  assert.equal(kept[256 + 127], 2);
  assert.equal(kept[256 + 128], 0xff);
});

test('a file of another size is refused and left as it is', () => {
  writeFileSync(path, 'precious');
  assert.throws(() => open(), /8 bytes/);
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});

const IMPOSSIBLE = [
  ['erase', 100, 4096],
  ['erase', 4096, 100],
  ['erase', FLASH_BYTES, 4096],
  ['erase', -4096, 4096],
  ['erase', 0, 0],
];

for (const [operation, offset, length] of IMPOSSIBLE) {
  test(`refused: ${operation} ${offset}+${length}`, () => {
    assert.throws(() => open()[operation](offset, length), FlashError);
  });
}

test('refused: programming across the end', () => {
  assert.throws(() => open().program(FLASH_BYTES - 256, new Uint8Array(512)), FlashError);
});
