import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * In a process of its own, since what is tried here once went round for ever: gives a command while there is no
 * connection, and breaks the first socket as its server says that it is ready.
 */
const PROGRAM = `
const { HintConnections } = require(process.argv[1]);
const connections = new HintConnections({ host: '127.0.0.1', port: Number(process.argv[2]), db: 0, tls: false }, () => {});
const client = connections.commands;
let breaks = 1;
client.on('connect', () => {
  client.stream.prependListener('data', () => {
    if (breaks-- > 0) client.stream.destroy();
  });
});
client.ping((error, answer) => {
  process.stdout.write(error ? error.message : answer);
  setImmediate(() => connections.end()); // node_redis does not bear to be ended in the middle of its answers.
});
`;

const INFO = 'redis_version:7.2.4\r\nloading:0';
const ANSWERS: Record<string, string> = {
  info: `$${INFO.length}\r\n${INFO}\r\n`,
  select: '+OK\r\n',
  ping: '+PONG\r\n',
};

/** Answers what is asked here as Valkey does. */
function answer(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    for (const [command] of String(data)
      .toLowerCase()
      .matchAll(/info|select|ping/g))
      socket.write(ANSWERS[command]!);
  });
}

test('a command that waits for a connection is sent on the next one, where the first breaks as it becomes ready', async () => {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const module = join(__dirname, '../dist/pipeline/hint-connections.js');
  const { port } = server.address() as AddressInfo;
  const child = spawn(process.execPath, ['-e', PROGRAM, module, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += String(data);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  server.close();
  expect({ code, signal, said }).toEqual({ code: 0, signal: null, said: 'PONG' });
});
