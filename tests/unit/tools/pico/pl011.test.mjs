// SPDX-License-Identifier: MIT OR Apache-2.0
/** The UART against the sentences of RP2040 datasheet 4.2, in virtual time. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { INT_OE, INT_RT, INT_RX, INT_TX, Pl011 } from '../../../../tools/pico/pl011.mjs';

const DR = 0x00;
const FR = 0x18;
const IBRD = 0x24;
const FBRD = 0x28;
const LCR_H = 0x2c;
const CR = 0x30;
const IMSC = 0x38;
const RIS = 0x3c;
const MIS = 0x40;
const ICR = 0x44;
const IRQ = 21;
const RXFE = 1 << 4;
const TXFF = 1 << 5;
const OCTET_NANOS = 86_805; // ten bits at 115200 baud, rounded down

/** A clock that only moves when told, and an interrupt line that can be looked at. */
class Chip {
  clkPeri = 125_000_000;
  now = 0;
  alarms = [];
  line = false;
  clock = {
    createAlarm: (callback) => {
      const alarm = { due: null, callback };
      alarm.schedule = (nanos) => {
        alarm.due = this.now + nanos;
      };
      alarm.cancel = () => {
        alarm.due = null;
      };
      this.alarms.push(alarm);
      return alarm;
    },
  };

  setInterrupt(irq, value) {
    assert.equal(irq, IRQ);
    this.line = value;
  }

  advance(nanos) {
    const end = this.now + nanos;
    for (;;) {
      const due = this.alarms.filter((alarm) => alarm.due !== null && alarm.due <= end);
      if (due.length === 0) break;
      const next = due.reduce((a, b) => (a.due <= b.due ? a : b));
      this.now = next.due;
      next.due = null;
      next.callback();
    }
    this.now = end;
  }
}

let chip;
let uart;
let wire;

beforeEach(() => {
  chip = new Chip();
  uart = new Pl011(chip, 'UART1', IRQ);
  wire = [];
  uart.onByte = (octet) => wire.push(octet);
  uart.writeUint32(IBRD, 67); // 125 MHz / (16 * 67 + 52/64 * 16) = 115207 baud
  uart.writeUint32(FBRD, 52);
  uart.writeUint32(LCR_H, 0x70); // 8 bits, no parity, one stop bit, FIFOs on
  uart.writeUint32(CR, 0x301);
});

test('the baud rate follows the dividers', () => {
  assert.ok(Math.abs(uart.baud - 115207) < 1);
  uart.writeUint32(IBRD, 0);
  uart.writeUint32(FBRD, 0);
  assert.equal(uart.baud, 0);
});

test('an octet takes ten bit times on the wire', () => {
  uart.writeUint32(DR, 0x41);
  chip.advance(OCTET_NANOS - 100);
  assert.deepEqual(wire, []);
  chip.advance(200);
  assert.deepEqual(wire, [0x41]);
});

test('nothing is sent or received before the UART is enabled', () => {
  uart.writeUint32(CR, 0x300);
  uart.writeUint32(DR, 1);
  uart.receive(2);
  chip.advance(1e9);
  assert.deepEqual(wire, []);
  assert.ok(uart.readUint32(FR) & RXFE);
  uart.writeUint32(CR, 0x301);
  chip.advance(OCTET_NANOS + 100);
  assert.deepEqual(wire, [1]);
});

test('the transmit interrupt comes once, as the level falls to the mark, not while it is low', () => {
  uart.writeUint32(IMSC, INT_TX);
  assert.equal(chip.line, false);
  for (let i = 0; i < 20; i++) uart.writeUint32(DR, i);
  assert.equal(chip.line, false);
  chip.advance(2 * OCTET_NANOS + 500);
  assert.equal(uart.queued.length, 17);
  assert.equal(chip.line, false);
  chip.advance(OCTET_NANOS + 500);
  assert.equal(chip.line, true);
  uart.writeUint32(ICR, INT_TX);
  chip.advance(20 * OCTET_NANOS);
  assert.equal(chip.line, false);
  assert.equal(wire.length, 20);
});

test('the transmit FIFO holds 32 and loses the 34th (one is on the wire)', () => {
  for (let i = 0; i < 34; i++) uart.writeUint32(DR, i);
  assert.ok(uart.readUint32(FR) & TXFF);
  chip.advance(40 * OCTET_NANOS);
  assert.equal(wire.length, 33);
});

test('the receive interrupt is raised at the mark and falls below it', () => {
  uart.writeUint32(IMSC, INT_RX);
  for (let i = 0; i < 15; i++) uart.receive(i);
  assert.equal(chip.line, false);
  uart.receive(15);
  assert.equal(chip.line, true);
  assert.equal(uart.readUint32(DR), 0);
  assert.equal(chip.line, false);
});

test('a short message is announced after 32 silent bit times', () => {
  uart.writeUint32(IMSC, INT_RT);
  uart.receive(5);
  chip.advance(3 * OCTET_NANOS);
  assert.equal(chip.line, false);
  chip.advance(OCTET_NANOS);
  assert.equal(chip.line, true);
  assert.equal(uart.readUint32(MIS), INT_RT);
  uart.readUint32(DR);
  assert.equal(chip.line, false);
});

test('a full receive FIFO loses the newcomer and reports an overrun', () => {
  for (let i = 0; i < 40; i++) uart.receive(i);
  assert.ok(uart.readUint32(RIS) & INT_OE);
  assert.equal(uart.overruns, 8);
  const got = [];
  while (!(uart.readUint32(FR) & RXFE)) got.push(uart.readUint32(DR));
  assert.deepEqual(got, Array.from({ length: 32 }, (_, i) => i));
});

test('without FIFOs one octet is held, and its departure raises the interrupt', () => {
  uart.writeUint32(LCR_H, 0x60);
  uart.writeUint32(IMSC, INT_TX | INT_RX);
  uart.receive(1);
  assert.equal(uart.readUint32(MIS), INT_RX);
  uart.readUint32(DR);
  uart.writeUint32(DR, 2);
  assert.equal(uart.readUint32(MIS), INT_TX);
});

test('loopback brings back what is sent', () => {
  uart.writeUint32(CR, 0x381);
  uart.writeUint32(DR, 0x5a);
  chip.advance(OCTET_NANOS + 500);
  assert.deepEqual(wire, []);
  assert.equal(uart.readUint32(DR), 0x5a);
});
