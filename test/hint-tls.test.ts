import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { HintConnections } from '../src/pipeline/hint-connections';
import { eventually } from './support/eventually';

test('a socket that fails once more after it was left does not end the process', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const faults: string[] = [];
  const address = { host: '127.0.0.1', port, db: 0, tls: null };
  const connections = new HintConnections(address, ({ message }) => void faults.push(message));
  const { commands } = connections as unknown as { commands: { stream: Socket } };
  try {
    const first = commands.stream;
    await eventually(() => sockets.length === 1, 'it has connected');
    first.destroy(new Error('first'));
    await eventually(() => commands.stream !== first, 'it has left the socket');
    // As a socket does whose handshake failed: uncaught, it would end this process.
    expect(first.listenerCount('error')).toBeGreaterThan(0);
    expect(() => first.emit('error', new Error('once more'))).not.toThrow();
  } finally {
    connections.end();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
