// SPDX-License-Identifier: MIT OR Apache-2.0
/**
 * A byte pipe to the world: listens on a unix socket or a loopback TCP port, serves one client.
 *
 * Like a cable: what the board sends while nobody listens is lost; a new client takes the place of
 * the old one. What the client sends is kept until the board takes it, up to a bound, beyond
 * which the client's own socket fills and blocks.
 */

import { createServer } from 'node:net';
import { rmSync } from 'node:fs';

const QUEUE_LIMIT_BYTES = 4096;
const OUTPUT_LIMIT_BYTES = 1 << 20; // a client that does not read loses what exceeds this
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * @param {string} text "unix:PATH" or "tcp:HOST:PORT" with a loopback host
 * @returns {object} what `net.Server.listen` takes
 */
export function parseAddress(text) {
  const [kind, ...rest] = text.split(':');
  if (kind === 'unix' && rest.length > 0) return { path: rest.join(':') };
  const port = Number(rest.at(-1));
  const host = rest.slice(0, -1).join(':');
  if (kind === 'tcp' && LOOPBACK.has(host) && Number.isInteger(port) && port >= 0 && port < 65536) {
    return { host, port };
  }
  throw new Error(`${text}: want unix:PATH or tcp:HOST:PORT with a loopback host`);
}

export class Port {
  /**
   * @param {() => void} onData called when the client has sent something
   * @param {() => void} onClient called when a client has connected
   */
  constructor(onData, onClient = () => {}) {
    this.onData = onData;
    this.onClient = onClient;
    this.client = null;
    this.queue = []; // chunks from the client
    this.queued = 0; // bytes in them
    this.server = createServer((socket) => this.accept(socket));
  }

  /** @param {string} address see parseAddress */
  listen(address) {
    const options = parseAddress(address);
    if (options.path) rmSync(options.path, { force: true });
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(options, () => {
        const bound = this.server.address();
        resolve(typeof bound === 'string' ? `unix:${bound}` : `tcp:${bound.address}:${bound.port}`);
      });
    });
  }

  accept(socket) {
    if (this.client !== null) this.client.destroy();
    this.client = socket;
    this.queue = [];
    this.queued = 0;
    socket.on('data', (chunk) => this.enqueue(chunk));
    socket.on('error', () => socket.destroy()); // the client is gone; 'close' follows
    socket.on('close', () => {
      if (this.client === socket) this.client = null;
    });
    this.onClient();
  }

  enqueue(chunk) {
    this.queue.push(chunk);
    this.queued += chunk.length;
    if (this.queued >= QUEUE_LIMIT_BYTES) this.client?.pause();
    this.onData();
  }

  /** The next octet from the client, or null. */
  take() {
    if (this.queued === 0) return null;
    const chunk = this.queue[0];
    const octet = chunk[0];
    if (chunk.length === 1) this.queue.shift();
    else this.queue[0] = chunk.subarray(1);
    this.queued--;
    if (this.queued < QUEUE_LIMIT_BYTES / 2) this.client?.resume();
    return octet;
  }

  /** Octets from the board. */
  send(octets) {
    if (this.client === null || this.client.writableLength > OUTPUT_LIMIT_BYTES) return;
    this.client.write(octets);
  }

  close() {
    this.client?.destroy();
    this.server.close();
  }
}
