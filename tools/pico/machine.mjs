// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * One Raspberry Pi Pico: the emulated chip, our boot stub, and the wires that lead out of it.
 *
 * Time: an instruction takes its cycles of virtual time, an idle core skips to its next alarm,
 * and virtual time never runs ahead of the wall clock. A busy core falls behind it (the emulator
 * runs about a tenth of the chip's speed); beyond a tenth of a second the lost time is not caught
 * up.
 */

import { GPIOPinState, Simulator, USBCDC } from 'rp2040js';
import { Harness, HARNESS_ADDRESS } from './harness.mjs';
import { Pl011 } from './pl011.mjs';
import { RingOscillator, ROSC_ADDRESS } from './rosc.mjs';

const UART1_ADDRESS = 0x40038000; // RP2040 datasheet 2.2.4
const WATCHDOG_ADDRESS = 0x40058000;
const UART1_IRQ = 21; // 2.3.2
const SLICE_MS = 8; // longest stretch without serving sockets
const BATCH_NANOS = 1000; // virtual time between looks at the alarms
const BATCHES_PER_CLOCK_READ = 64;
const IDLE_LAG_NANOS = 200_000; // an idle core that is this close to the wall clock may sleep
const MAX_SLEEP_MS = 20;
const LAG_LIMIT_NANOS = 100e6; // more than a sleep that comes back late

/** Peripherals hang in a table indexed by the bus address without its 16 KiB window. */
const slot = (address) => (address >>> 14) << 2;

export class Machine {
  /**
   * @param {Uint8Array} bootstub
   * @param {(array: Uint8Array) => import('./flash.mjs').Flash} openFlash given the flash array
   * @param {object} events callbacks: onRepl(octets), onLink(octet), onUsb(), onLog(text), and
   *     nextLinkOctet(), asked for one octet or null each time the receive wire is free
   */
  constructor(bootstub, openFlash, events) {
    this.simulator = new Simulator();
    this.chip = this.simulator.rp2040;
    this.chip.logger = logger(events.onLog);
    this.chip.onBreak = (code) => {
      throw new Error(`breakpoint ${code} at 0x${this.chip.core.PC.toString(16)}`);
    };
    const words = new Uint32Array(this.chip.bootrom.length);
    new Uint8Array(words.buffer).set(bootstub);
    this.chip.loadBootrom(words); // resets the chip, so flash is filled after it
    this.flash = openFlash(this.chip.flash);
    this.uart = new Pl011(this.chip, 'UART1', UART1_IRQ);
    this.uart.onByte = events.onLink;
    this.wire = new ReceiveWire(this.uart, this.chip.clock, events.nextLinkOctet);
    this.attach(UART1_ADDRESS, this.uart);
    this.attach(ROSC_ADDRESS, new RingOscillator(this.chip));
    this.attach(HARNESS_ADDRESS, new Harness(this.chip, this.flash));
    for (const pin of this.chip.gpio) closePad(pin);
    this.resetAsked = false;
    this.chip.peripherals[slot(WATCHDOG_ADDRESS)].onWatchdogTrigger = () => {
      this.resetAsked = true;
    };
    this.console = new Console(this.chip.usbCtrl, events);
    this.wallOrigin = performance.now() * 1e6;
  }

  attach(address, peripheral) {
    this.chip.peripherals[slot(address)] = peripheral;
  }

  get nanos() {
    return this.simulator.clock.nanos;
  }

  /**
   * Run until the slice is over or the core has nothing to do yet.
   * @returns {number} milliseconds to sleep before the next call, unless a client sends something
   */
  run() {
    const until = performance.now() + SLICE_MS;
    for (;;) {
      const wall = performance.now();
      const lag = this.lag(wall);
      if (lag <= 0) return Math.min(MAX_SLEEP_MS, -lag / 1e6);
      if (wall >= until || this.resetAsked) return 0;
      if (!this.chip.core.waiting) this.work();
      else if (lag < IDLE_LAG_NANOS) return this.pause();
      else this.idle(lag);
    }
  }

  /** Nanoseconds by which virtual time trails the wall clock. A long lag is written off. */
  lag(wall) {
    const lag = wall * 1e6 - this.wallOrigin - this.nanos;
    if (lag <= LAG_LIMIT_NANOS) return lag;
    this.wallOrigin += lag - LAG_LIMIT_NANOS;
    return LAG_LIMIT_NANOS;
  }

  work() {
    for (let i = 0; i < BATCHES_PER_CLOCK_READ; i++) {
      if (this.chip.core.waiting || this.resetAsked) return;
      this.batch();
    }
  }

  batch() {
    const { core } = this.chip;
    const limit = (BATCH_NANOS * this.chip.clkSys) / 1e9;
    let cycles = 0;
    while (cycles < limit && !core.waiting) cycles += core.executeInstruction();
    this.simulator.clock.tick((cycles * 1e9) / this.chip.clkSys);
  }

  /** Move an idle core's time forward by at most `allowed`, to its next alarm if it has one. */
  idle(allowed) {
    const next = this.simulator.clock.nanosToNextAlarm;
    this.simulator.clock.tick(next > 0 ? Math.min(allowed, next) : allowed);
  }

  /** How long an idle core may be left alone. */
  pause() {
    const next = this.simulator.clock.nanosToNextAlarm;
    return next > 0 ? Math.min(MAX_SLEEP_MS, next / 1e6) : MAX_SLEEP_MS;
  }

  close() {
    this.flash.close();
  }
}

/**
 * A pad's input sees what its output or its pull resistor makes of it (RP2040 datasheet 2.19.4),
 * so a pin that is driven reads back; the emulator leaves inputs to whoever wires the board.
 */
function closePad(pin) {
  pin.addListener((state) => {
    pin.setInputValue(state === GPIOPinState.High || state === GPIOPinState.InputPullUp);
  });
}

/**
 * The host's end of the USB serial port.
 *
 * The emulator's host answers every offer of the device to receive at once, with an empty packet
 * when it has nothing to say. No real host does, and it keeps an idle core busy; here the offer
 * stands until there is something to send.
 */
class Console {
  constructor(usb, events) {
    this.ready = false;
    this.cdc = new USBCDC(usb);
    this.cdc.onSerialData = events.onRepl;
    this.cdc.onDeviceConnected = () => {
      this.ready = true;
      events.onUsb();
    };
    this.answer = usb.onEndpointRead;
    this.offer = null; // [endpoint, bytes] that the device is ready to take
    usb.onEndpointRead = (endpoint, size) => {
      if (endpoint === 0 || !this.cdc.txFIFO.empty) this.answer(endpoint, size);
      else this.offer = [endpoint, size];
    };
  }

  /** Room for octets towards the board, before they would be lost. */
  get room() {
    return this.ready ? this.cdc.txFIFO.size - this.cdc.txFIFO.itemCount - 1 : 0;
  }

  /** Send what `source` has, as far as there is room; it returns one octet or null. */
  serve(source) {
    for (let room = this.room; room > 0; room--) {
      const octet = source();
      if (octet === null) break;
      this.cdc.sendSerialByte(octet);
    }
    if (this.offer !== null && !this.cdc.txFIFO.empty) {
      const [endpoint, size] = this.offer;
      this.offer = null;
      this.answer(endpoint, size);
    }
  }
}

/** What leads to UART1's receive pin: one octet at a time, at the baud rate, in virtual time. */
class ReceiveWire {
  constructor(uart, clock, source) {
    this.uart = uart;
    this.source = source;
    this.busy = false;
    this.alarm = clock.createAlarm(() => this.arrive());
  }

  /** Start moving octets if there are any. Nobody listening: they fall on the floor. */
  serve() {
    if (this.busy) return;
    if (!this.uart.listening) {
      while (this.source() !== null);
      return;
    }
    this.load();
  }

  load() {
    this.octet = this.source();
    this.busy = this.octet !== null;
    if (this.busy) this.alarm.schedule(this.uart.octetNanos);
  }

  arrive() {
    this.uart.receive(this.octet);
    this.load();
  }
}

function logger(onLog) {
  const take = (level) => (component, message) => onLog(`${level} [${component}] ${message}`);
  return { debug() {}, info() {}, warn: take('warning'), error: take('error') };
}
