// SPDX-License-Identifier: MIT OR Apache-2.0
/** What the boot stub asks for is done to the flash, or stops the machine with a reason. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Harness, Stopped } from '../../../../tools/pico/harness.mjs';
import { RingOscillator } from '../../../../tools/pico/rosc.mjs';

function harness() {
  const done = [];
  const flash = {
    erase: (offset, length) => done.push(['erase', offset, length]),
    program: (offset, bytes) => done.push(['program', offset, [...bytes]]),
  };
  const memory = { readUint8: (address) => address & 0xff };
  return { device: new Harness(memory, flash), done };
}

test('erase and program', () => {
  const { device, done } = harness();
  device.writeUint32(0x00, 4096);
  device.writeUint32(0x04, 4);
  device.writeUint32(0x08, 0x20000010);
  device.writeUint32(0x0c, 1);
  device.writeUint32(0x0c, 2);
  assert.deepEqual(done, [
    ['erase', 4096, 4],
    ['program', 4096, [0x10, 0x11, 0x12, 0x13]],
  ]);
});

test('an unknown command and every last word stop the machine', () => {
  const { device } = harness();
  assert.throws(() => device.writeUint32(0x0c, 7), Stopped);
  for (const [reason, text] of [[1, /boot stage 2/], [3, /USB boot/], [4, /single-precision/]]) {
    assert.throws(() => device.writeUint32(0x10, reason), text);
  }
});

test('the ring oscillator is stable and gives every bit of its source once', () => {
  let asked = 0;
  const source = (length) => {
    asked++;
    return new Uint8Array(length).fill(0b10110001);
  };
  const rosc = new RingOscillator({}, source);
  const status = rosc.readUint32(0x18);
  assert.equal(status, 0x80001000);
  const bits = Array.from({ length: 1024 * 8 }, () => rosc.readUint32(0x1c));
  assert.equal(asked, 1);
  assert.deepEqual(bits.slice(0, 8), [1, 0, 0, 0, 1, 1, 0, 1]);
  assert.ok(bits.every((bit) => bit === 0 || bit === 1));
  rosc.readUint32(0x1c);
  assert.equal(asked, 2);
});
