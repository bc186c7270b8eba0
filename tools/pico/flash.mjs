// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * The board's flash chip: 2 MiB of NOR, mirrored in a host file so that it survives restarts.
 *
 * As in the chip, erasing sets a sector's bits and programming can only clear bits. Every
 * operation is in the file before the firmware goes on, so ending the runner at any moment is a
 * power cut. `cutAfter` makes one happen on purpose, in the middle of an operation.
 */

import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';

export const FLASH_BYTES = 2 * 1024 * 1024; // W25Q16JV on the Raspberry Pi Pico
export const FLASH_BASE = 0x10000000; // XIP address, RP2040 datasheet 2.2
export const SECTOR_BYTES = 4096;
export const PAGE_BYTES = 256;

const ERASED = 0xff;

/** The firmware, or the image, asked for something no flash chip can do. */
export class FlashError extends Error {}

/** The power failed in the middle of a flash operation. */
export class PowerCut extends Error {}

export class Flash {
  /**
   * @param {Uint8Array} array where the emulator reads flash; the first 2 MiB are ours
   * @param {string | null} path host file, created when missing; null keeps nothing
   * @param {number | null} cutAfter whole operations before the power fails; null = never
   */
  constructor(array, path, cutAfter = null) {
    this.array = array.subarray(0, FLASH_BYTES);
    this.operations = 0;
    this.cutAfter = cutAfter;
    this.file = null;
    if (path !== null) this.open(path);
  }

  open(path) {
    if (existsSync(path)) {
      const stored = readFileSync(path);
      if (stored.length !== FLASH_BYTES) {
        throw new FlashError(`${path} has ${stored.length} bytes; a flash file has ${FLASH_BYTES}`);
      }
      this.array.set(stored);
    } else {
      this.array.fill(ERASED);
      writeFileSync(path, this.array, { mode: 0o600 });
    }
    this.file = openSync(path, 'r+');
  }

  close() {
    if (this.file !== null) closeSync(this.file);
    this.file = null;
  }

  /** Put an image's pieces in place, as the chip's USB loader would: whole sectors at a time. */
  load(pieces) {
    const erased = new Set();
    for (const { address, bytes } of pieces) {
      const offset = address - FLASH_BASE;
      this.check(offset, bytes.length, 1);
      const first = Math.floor(offset / SECTOR_BYTES);
      const last = Math.floor((offset + bytes.length - 1) / SECTOR_BYTES);
      for (let sector = first; sector <= last; sector++) {
        if (erased.has(sector)) continue;
        this.array.fill(ERASED, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
        erased.add(sector);
      }
      this.array.set(bytes, offset);
    }
    this.store(0, FLASH_BYTES);
  }

  erase(offset, length) {
    this.check(offset, length, SECTOR_BYTES);
    const reached = offset + this.powered(length);
    this.array.fill(ERASED, offset, reached);
    this.finish(offset, reached, length);
  }

  program(offset, bytes) {
    this.check(offset, bytes.length, PAGE_BYTES);
    const reached = this.powered(bytes.length);
    for (let i = 0; i < reached; i++) this.array[offset + i] &= bytes[i];
    this.finish(offset, offset + reached, bytes.length);
  }

  /** How many of an operation's bytes take effect before the power goes: all, or half. */
  powered(length) {
    const cut = this.cutAfter !== null && this.operations >= this.cutAfter;
    return cut ? Math.floor(length / 2) : length;
  }

  finish(offset, reached, length) {
    this.store(offset, reached);
    this.operations++;
    if (reached !== offset + length) throw new PowerCut(`in flash operation ${this.operations}`);
  }

  store(from, to) {
    if (this.file !== null) writeSync(this.file, this.array, from, to - from, from);
  }

  check(offset, length, alignment) {
    if (offset % alignment !== 0 || length % alignment !== 0) {
      throw new FlashError(`0x${offset.toString(16)}+${length} is not aligned to ${alignment}`);
    }
    if (offset < 0 || length <= 0 || offset + length > FLASH_BYTES) {
      throw new FlashError(`0x${offset.toString(16)}+${length} is outside the flash chip`);
    }
  }
}
