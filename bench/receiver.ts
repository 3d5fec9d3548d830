import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Receiver {
  url: string;
  /** Events that arrived since the last reset. */
  events(): number;
  seen(): { requests: number; bytes: number };
  reset(): void;
  stop(): Promise<void>;
}

/** Counts what a webhook is sent; verifies nothing, so that it is not what is measured. */
export async function startReceiver(): Promise<Receiver> {
  const seen = { events: 0, requests: 0, bytes: 0 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { data } = JSON.parse(body.toString('utf8')) as { data: unknown };
      seen.events += Array.isArray(data) ? data.length : 1;
      seen.requests++;
      seen.bytes += body.length;
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    events: () => seen.events,
    seen: () => ({ requests: seen.requests, bytes: seen.bytes }),
    reset: () => Object.assign(seen, { events: 0, requests: 0, bytes: 0 }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
