// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * Boots a Raspberry Pi Pico firmware file in an emulated RP2040.
 *
 *   node runner.mjs --image firmware.uf2 --bootstub bootstub.bin --repl unix:PATH --link unix:PATH
 *       [--flash FILE]            the flash chip's content, kept across runs
 *       [--power-cut-after N]     the power fails in the middle of flash operation N + 1
 *       [--power-on-with-repl]    wait for the console's client, so that it misses nothing
 *       [--until-stdin-closes]    end when the parent does
 *       [--verbose]               what the emulator remarks, on standard error
 *
 * Standard output carries one JSON object a line: {"event": "listening", "repl": ..., "link": ...},
 * "usb" (the console is connected), "reset" (the firmware restarted itself), "stopped" with a
 * reason. Exit status: 0 ended by its owner, 1 the machine stopped, 2 usage, 3 power cut.
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Flash, PowerCut } from './flash.mjs';
import { Machine } from './machine.mjs';
import { Port } from './port.mjs';
import { parseUf2 } from './uf2.mjs';

const OPTIONS = {
  image: { type: 'string' },
  bootstub: { type: 'string' },
  repl: { type: 'string' },
  link: { type: 'string' },
  flash: { type: 'string' },
  'power-cut-after': { type: 'string' },
  'power-on-with-repl': { type: 'boolean', default: false },
  'until-stdin-closes': { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
};

const say = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

function options() {
  const { values } = parseArgs({ options: OPTIONS });
  for (const name of ['image', 'bootstub', 'repl', 'link']) {
    if (values[name] === undefined) throw new Error(`--${name} is missing`);
  }
  const cut = values['power-cut-after'];
  if (cut !== undefined && !/^\d+$/.test(cut)) throw new Error('--power-cut-after wants a number');
  return { ...values, cutAfter: cut === undefined ? null : Number(cut) };
}

class Runner {
  constructor(settings) {
    this.settings = settings;
    this.bootstub = readFileSync(settings.bootstub);
    this.pieces = parseUf2(readFileSync(settings.image));
    this.repl = new Port(() => this.wake(), () => this.start());
    this.link = new Port(() => this.wake());
    this.started = false;
    this.sleep = null; // the timeout of a machine that has nothing to do
  }

  /** Fill the flash, open the sockets, then wait for a client or start at once. */
  async prepare() {
    const repl = await this.repl.listen(this.settings.repl);
    const link = await this.link.listen(this.settings.link);
    this.machine = this.power((array) => {
      const flash = new Flash(array, this.settings.flash ?? null, this.settings.cutAfter);
      flash.load(this.pieces);
      return flash;
    });
    say('listening', { repl, link });
    if (!this.settings['power-on-with-repl']) this.start();
  }

  start() {
    if (this.started) return;
    this.started = true;
    this.turn();
  }

  power(openFlash) {
    return new Machine(this.bootstub, openFlash, {
      onRepl: (octets) => this.repl.send(octets),
      onLink: (octet) => this.link.send(Uint8Array.of(octet)),
      nextLinkOctet: () => this.link.take(),
      onUsb: () => say('usb'),
      onLog: (text) => {
        if (this.settings.verbose) process.stderr.write(`${text}\n`);
      },
    });
  }

  /** The firmware asked for a restart: a new chip around the same flash content. */
  reset() {
    const { flash } = this.machine;
    this.machine = this.power((array) => {
      array.set(flash.array);
      flash.array = array.subarray(0, flash.array.length);
      return flash;
    });
    say('reset');
  }

  /** A client sent something: do not wait for the end of the pause. */
  wake() {
    if (this.sleep === null) return;
    clearTimeout(this.sleep);
    this.sleep = null;
    this.next = setImmediate(() => this.turn());
  }

  turn() {
    this.sleep = null;
    try {
      this.feed();
      const pause = this.machine.run();
      if (this.machine.resetAsked) this.reset();
      if (pause > 0) this.sleep = setTimeout(() => this.turn(), pause);
      else this.next = setImmediate(() => this.turn());
    } catch (problem) {
      say('stopped', { reason: problem.message });
      if (this.settings.verbose) process.stderr.write(`${problem.stack}\n`);
      this.finish(problem instanceof PowerCut ? 3 : 1);
    }
  }

  /** Hand over what the clients sent: the console as it has room, the link as its wire is free. */
  feed() {
    this.machine.console.serve(() => this.repl.take());
    this.machine.wire.serve();
  }

  finish(status) {
    clearTimeout(this.sleep);
    clearImmediate(this.next);
    this.repl.close();
    this.link.close();
    this.machine?.close();
    process.exitCode = status;
    process.stdin.destroy();
  }
}

async function main() {
  let runner;
  try {
    runner = new Runner(options());
    await runner.prepare();
  } catch (problem) {
    process.stderr.write(`error: ${problem.message}\n`);
    process.exitCode = 2;
    runner?.repl.close();
    runner?.link.close();
    return;
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => runner.finish(0));
  if (runner.settings['until-stdin-closes']) {
    process.stdin.resume();
    process.stdin.on('end', () => runner.finish(0));
  }
}

await main();
