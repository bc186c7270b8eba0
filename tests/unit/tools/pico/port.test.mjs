// SPDX-License-Identifier: MIT OR Apache-2.0
/** A port is a cable to one client; nothing but unix sockets and loopback is listened on. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Port, parseAddress } from '../../../../tools/pico/port.mjs';

let folder;
let port;
let arrived;
let notify;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'port-'));
  arrived = new Promise((resolve) => {
    notify = resolve;
  });
  port = new Port(() => notify());
  await port.listen(`unix:${join(folder, 's')}`);
});

afterEach(() => {
  port.close();
  rmSync(folder, { recursive: true });
});

async function client() {
  const socket = connect(join(folder, 's'));
  await once(socket, 'connect');
  return socket;
}

test('octets go both ways', async () => {
  const socket = await client();
  socket.write(Buffer.from([1, 2]));
  await arrived;
  assert.deepEqual([port.take(), port.take(), port.take()], [1, 2, null]);
  port.send(Uint8Array.of(3));
  const [chunk] = await once(socket, 'data');
  assert.deepEqual([...chunk], [3]);
  socket.destroy();
});

test('what nobody listens to is lost', () => {
  port.send(Uint8Array.of(1));
  assert.equal(port.take(), null);
});

test('a new client takes the place of the old one, whose octets are dropped', async () => {
  const first = await client();
  first.write('old');
  await arrived;
  const closed = once(first, 'close');
  const second = await client();
  await closed;
  assert.equal(port.take(), null);
  port.send(Uint8Array.of(9));
  const [chunk] = await once(second, 'data');
  assert.deepEqual([...chunk], [9]);
  second.destroy();
});

test('a client that sends too much is made to wait, and loses nothing', async () => {
  const socket = await client();
  const sent = 1 << 20;
  socket.write(Buffer.alloc(sent, 7));
  await arrived;
  let taken = 0;
  let deepest = 0;
  while (taken < sent) {
    deepest = Math.max(deepest, port.queued);
    while (port.take() !== null) taken++;
    await new Promise(setImmediate);
  }
  assert.ok(deepest < sent / 4, `${deepest} bytes were waiting at once`);
  socket.destroy();
});

test('addresses', () => {
  assert.deepEqual(parseAddress('unix:some:path'), { path: 'some:path' });
  assert.deepEqual(parseAddress('tcp:127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  assert.deepEqual(parseAddress('tcp:::1:5000'), { host: '::1', port: 5000 });
  for (const bad of ['tcp:0.0.0.0:1', 'tcp:127.0.0.1:99999', 'tcp:127.0.0.1', 'serial:x', '']) {
    assert.throws(() => parseAddress(bad), /want unix:PATH/);
  }
});
