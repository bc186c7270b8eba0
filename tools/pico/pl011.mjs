// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * A UART as the RP2040 has it (ARM PL011; RP2040 datasheet 4.2), in place of the emulator's.
 *
 * The emulator's UART raises the transmit interrupt for as long as there is room, so firmware
 * that uses it is called back without end; and it knows no baud rate. Here the FIFOs are 32
 * deep, an octet takes its time on the line, and the transmit interrupt is raised when the FIFO
 * level falls to its mark and stays cleared until that happens again (4.2.5.2).
 * Left out: DMA requests, modem lines, framing and parity errors.
 */

import { BasePeripheral } from 'rp2040js';

const DR = 0x00;
const FR = 0x18;
const IBRD = 0x24;
const FBRD = 0x28;
const LCR_H = 0x2c;
const CR = 0x30;
const IFLS = 0x34;
const IMSC = 0x38;
const RIS = 0x3c;
const MIS = 0x40;
const ICR = 0x44;

const FR_BUSY = 1 << 3;
const FR_RXFE = 1 << 4;
const FR_TXFF = 1 << 5;
const FR_RXFF = 1 << 6;
const FR_TXFE = 1 << 7;
const LCR_PEN = 1 << 1;
const LCR_STP2 = 1 << 3;
const LCR_FEN = 1 << 4;
const CR_UARTEN = 1 << 0;
const CR_LBE = 1 << 7;
const CR_TXE = 1 << 8;
const CR_RXE = 1 << 9;

export const INT_RX = 1 << 4;
export const INT_TX = 1 << 5;
export const INT_RT = 1 << 6; // receive timeout
export const INT_OE = 1 << 10; // overrun

const FIFO_DEPTH = 32;
const MARKS = [4, 8, 16, 24, 28]; // IFLS: 1/8, 1/4, 1/2, 3/4, 7/8 of the depth
const TIMEOUT_BITS = 32;
const RESET_VALUES = { [IFLS]: 0x12, [CR]: CR_RXE | CR_TXE };

export class Pl011 extends BasePeripheral {
  /**
   * @param {import('rp2040js').RP2040} rp2040 gives clk_peri, alarms and the interrupt line
   * @param {string} name
   * @param {number} irq
   */
  constructor(rp2040, name, irq) {
    super(rp2040, name);
    this.irq = irq;
    /** Called with each octet that has left on the wire. @type {(octet: number) => void} */
    this.onByte = () => {};
    this.registers = new Map(Object.entries(RESET_VALUES).map(([k, v]) => [Number(k), v]));
    this.raised = 0; // UARTRIS
    this.received = [];
    this.queued = [];
    this.shifting = null; // the octet on the wire, or null
    this.overruns = 0;
    this.sent = rp2040.clock.createAlarm(() => this.octetSent());
    this.silence = rp2040.clock.createAlarm(() => this.raise(INT_RT));
  }

  register(offset) {
    return this.registers.get(offset) ?? 0;
  }

  get depth() {
    return this.register(LCR_H) & LCR_FEN ? FIFO_DEPTH : 1;
  }

  get enabled() {
    return (this.register(CR) & CR_UARTEN) !== 0;
  }

  /** Bits per second; 0 until the firmware has set the divider. */
  get baud() {
    const divider = this.register(IBRD) * 64 + this.register(FBRD);
    return divider === 0 ? 0 : (4 * this.rp2040.clkPeri) / divider;
  }

  /** Nanoseconds of one octet on the wire: start bit, data, parity, stop bits. */
  get octetNanos() {
    const line = this.register(LCR_H);
    const data = 5 + ((line >> 5) & 3);
    const bits = 1 + data + (line & LCR_PEN ? 1 : 0) + (line & LCR_STP2 ? 2 : 1);
    return this.baud === 0 ? 0 : (bits * 1e9) / this.baud;
  }

  /** Whether the receiver listens: octets sent to it before that are lost, as on a wire. */
  get listening() {
    return this.enabled && (this.register(CR) & CR_RXE) !== 0 && this.baud !== 0;
  }

  // ---- the wire ----

  /** One octet arrives. A full FIFO loses it and says so. */
  receive(octet) {
    if (!this.listening) return;
    if (this.received.length >= this.depth) {
      this.overruns++;
      this.raise(INT_OE);
      return;
    }
    this.received.push(octet);
    if (this.received.length >= this.receiveMark) this.raise(INT_RX);
    this.silence.cancel();
    this.silence.schedule((TIMEOUT_BITS * 1e9) / this.baud);
  }

  octetSent() {
    const octet = this.shifting;
    this.shifting = null;
    if (this.register(CR) & CR_LBE) this.receive(octet);
    else this.onByte(octet);
    this.shiftNext();
  }

  shiftNext() {
    const sending = this.enabled && (this.register(CR) & CR_TXE) !== 0 && this.baud !== 0;
    if (!sending || this.shifting !== null || this.queued.length === 0) return;
    this.shifting = this.queued.shift();
    this.sent.schedule(this.octetNanos);
    if (this.queued.length === this.transmitMark) this.raise(INT_TX);
  }

  // ---- interrupts ----

  get receiveMark() {
    return this.depth === 1 ? 1 : this.mark(3);
  }

  get transmitMark() {
    return this.depth === 1 ? 0 : this.mark(0);
  }

  mark(shift) {
    return MARKS[Math.min((this.register(IFLS) >> shift) & 7, MARKS.length - 1)];
  }

  raise(bits) {
    this.raised |= bits;
    this.updateLine();
  }

  clear(bits) {
    this.raised &= ~bits;
    this.updateLine();
  }

  updateLine() {
    this.rp2040.setInterrupt(this.irq, (this.raised & this.register(IMSC)) !== 0);
  }

  // ---- registers ----

  readUint32(offset) {
    switch (offset) {
      case DR:
        return this.take();
      case FR:
        return this.flags();
      case RIS:
        return this.raised;
      case MIS:
        return this.raised & this.register(IMSC);
      case ICR:
        return 0;
      default:
        return this.register(offset);
    }
  }

  writeUint32(offset, value) {
    switch (offset) {
      case DR:
        this.put(value & 0xff);
        return;
      case ICR:
        this.clear(value);
        return;
      case FR:
      case RIS:
      case MIS:
        return; // read only
      default:
        this.registers.set(offset, value >>> 0);
        this.updateLine();
        this.shiftNext();
    }
  }

  take() {
    const octet = this.received.shift() ?? 0;
    if (this.received.length < this.receiveMark) this.clear(INT_RX);
    if (this.received.length === 0) {
      this.silence.cancel();
      this.clear(INT_RT);
    }
    return octet;
  }

  put(octet) {
    if (this.queued.length >= this.depth) return; // lost, as in the chip
    this.queued.push(octet);
    if (this.queued.length > this.transmitMark) this.clear(INT_TX);
    this.shiftNext();
  }

  flags() {
    const busy = this.shifting !== null || this.queued.length > 0;
    return (
      (busy ? FR_BUSY : 0) |
      (this.received.length === 0 ? FR_RXFE : 0) |
      (this.queued.length >= this.depth ? FR_TXFF : 0) |
      (this.received.length >= this.depth ? FR_RXFF : 0) |
      (this.queued.length === 0 ? FR_TXFE : 0)
    );
  }
}
