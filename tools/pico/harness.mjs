// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * The register block that the boot stub knocks at (firmware/ports/pico/bootstub/bootstub.c).
 * No RP2040 has it. It performs flash operations and receives the stub's last words.
 *
 *   0x00 offset | 0x04 length | 0x08 source | 0x0c command (1 erase, 2 program) | 0x10 stop
 */

import { BasePeripheral } from 'rp2040js';

export const HARNESS_ADDRESS = 0x40068000;

const OFFSET = 0x00;
const LENGTH = 0x04;
const SOURCE = 0x08;
const COMMAND = 0x0c;
const STOP = 0x10;
const ERASE = 1;
const PROGRAM = 2;

const LAST_WORDS = {
  1: 'the image has no valid boot stage 2 (checksum mismatch)',
  2: 'hard fault before the firmware installed its own handlers',
  3: 'the firmware asked for the USB boot loader, which the boot stub does not have',
  4: 'the firmware called a single-precision ROM function that the boot stub lacks',
  5: 'the firmware called a double-precision ROM function that the boot stub lacks',
};

/** The boot stub gave up; the message says why. */
export class Stopped extends Error {}

export class Harness extends BasePeripheral {
  /**
   * @param {import('rp2040js').RP2040} rp2040
   * @param {import('./flash.mjs').Flash} flash
   */
  constructor(rp2040, flash) {
    super(rp2040, 'HARNESS');
    this.flash = flash;
    this.registers = new Map();
  }

  readUint32(offset) {
    return this.registers.get(offset) ?? 0;
  }

  writeUint32(offset, value) {
    this.registers.set(offset, value >>> 0);
    if (offset === COMMAND) this.command(value);
    if (offset === STOP) throw new Stopped(LAST_WORDS[value] ?? `boot stub: reason ${value}`);
  }

  command(value) {
    const offset = this.readUint32(OFFSET);
    const length = this.readUint32(LENGTH);
    if (value === ERASE) this.flash.erase(offset, length);
    else if (value === PROGRAM) this.flash.program(offset, this.fetch(length));
    else throw new Stopped(`boot stub: unknown flash command ${value}`);
  }

  /** `length` bytes from the chip's memory at the source register. */
  fetch(length) {
    const source = this.readUint32(SOURCE);
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.rp2040.readUint8(source + i);
    return bytes;
  }
}
