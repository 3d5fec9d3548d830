import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What the proxy does with a request: an answer of its own, half of the true answer, or all of it. */
export type Fault = { status: number; code: string } | 'cut' | null;

export interface S3Request {
  method: string;
  /** The key; empty for a listing. */
  key: string;
  /** The prefix that is listed; null for an object. */
  listed: string | null;
}

/** Stands before an S3 server, and breaks what it is told to break. */
export interface FaultyS3 {
  endpoint: string;
  /** Asked at each request, in order. */
  fault: (request: S3Request) => Fault;
  /** All requests so far. */
  seen: S3Request[];
  close(): Promise<void>;
}

export async function startFaultyS3(endpoint: string): Promise<FaultyS3> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy()); // A client that went away, for one.
  });
  const faulty: FaultyS3 = {
    endpoint: '',
    fault: () => null,
    seen: [],
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = parsed(request);
    faulty.seen.push(asked);
    const fault = faulty.fault(asked);
    if (fault && fault !== 'cut') {
      request.resume();
      response.writeHead(fault.status, { 'content-type': 'application/xml' });
      response.end(`<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>no</Message></Error>`);
      return;
    }
    const upstream = send(`${endpoint}${request.url}`, { method: request.method, headers: request.headers });
    upstream.end(await buffer(request));
    const [theirs] = (await once(upstream, 'response')) as [IncomingMessage];
    const body = await buffer(theirs);
    response.writeHead(theirs.statusCode!, theirs.headers);
    if (fault === 'cut') response.write(body.subarray(0, body.length / 2), () => response.destroy());
    else response.end(body);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  faulty.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return faulty;
}

function parsed({ method = '', url = '' }: IncomingMessage): S3Request {
  const { pathname, searchParams } = new URL(url, 'http://x');
  const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
  return { method, key, listed: searchParams.has('list-type') ? (searchParams.get('prefix') ?? '') : null };
}
