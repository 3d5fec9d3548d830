import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook as Verifier } from 'standardwebhooks';

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  /** Milliseconds since the epoch. */
  at: number;
}

type Answer = { status: number; headers?: Record<string, string> } | null;

/** A receiver that keeps what it gets and answers as it is told. */
export class Receiver {
  readonly received: Received[] = [];
  answer: (request: Received, index: number) => Answer | Promise<Answer> = () => ({ status: 204 });
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const got = { headers: request.headers, body: Buffer.concat(chunks).toString(), at: Date.now() };
        this.received.push(got);
        void Promise.resolve(this.answer(got, this.received.length - 1)).then((told) => {
          if (told) response.writeHead(told.status, told.headers).end();
        });
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The ids of the events, in the order in which they came, verified one by one. */
  eventIds(secret: string): string[] {
    const verifier = new Verifier(secret);
    return this.received.flatMap(({ headers, body }) => {
      const { data } = verifier.verify(body, headers as Record<string, string>) as { data: unknown };
      return (Array.isArray(data) ? data : [data]).map((event: { eventID: string }) => event.eventID);
    });
  }
}
