// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * The ring oscillator's registers (RP2040 datasheet 2.17), which the emulator leaves out.
 *
 * Firmware draws randomness from RANDOMBIT. On silicon these bits come from jitter and are
 * biased and correlated; here each is a bit of the host's generator. Runs in the emulator
 * therefore say NOTHING about the quality of keys made on hardware.
 */

import { randomBytes } from 'node:crypto';
import { BasePeripheral } from 'rp2040js';

export const ROSC_ADDRESS = 0x40060000;

const STATUS = 0x18;
const RANDOMBIT = 0x1c;
const STABLE = 0x80000000;
const ENABLED = 0x00001000;
const POOL_BYTES = 1024;

export class RingOscillator extends BasePeripheral {
  /**
   * @param {import('rp2040js').RP2040} rp2040
   * @param {(length: number) => Uint8Array} random
   */
  constructor(rp2040, random = randomBytes) {
    super(rp2040, 'ROSC');
    this.random = random;
    this.registers = new Map();
    this.pool = new Uint8Array(0);
    this.used = 0; // bits taken from the pool
  }

  readUint32(offset) {
    if (offset === STATUS) return (STABLE | ENABLED) >>> 0;
    if (offset === RANDOMBIT) return this.bit();
    return this.registers.get(offset) ?? 0;
  }

  writeUint32(offset, value) {
    this.registers.set(offset, value >>> 0);
  }

  bit() {
    if (this.used === this.pool.length * 8) {
      this.pool = this.random(POOL_BYTES);
      this.used = 0;
    }
    const octet = this.pool[this.used >> 3];
    return (octet >> (this.used++ & 7)) & 1;
  }
}
