import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook as Verifier } from 'standardwebhooks';

/** One request as it came. */
export interface ReceivedBody {
  webhookId: string;
  body: string;
}

/** A webhook's receiver that keeps bodies as they came, whatever their format; what is signed wrongly is a fault. */
export class BodyReceiver {
  readonly received: ReceivedBody[] = [];
  readonly faults: string[] = [];
  /** The status to answer the n-th request with, from 0. */
  answer: (index: number) => number = () => 204;
  private verifier: Verifier | null = null;
  private readonly server: Server = createServer((request, response) => {
    text(request)
      .then((body) => {
        const headers = request.headers as Record<string, string>;
        this.verifier!.verify(body, headers);
        response.writeHead(this.answer(this.received.length)).end();
        this.received.push({ webhookId: headers['webhook-id']!, body });
      })
      .catch((error: unknown) => {
        this.faults.push(String(error));
        response.writeHead(400).end();
      });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  trust(secret: string): void {
    this.verifier = new Verifier(secret);
  }

  bodies(): unknown[] {
    return this.received.map(({ body }) => JSON.parse(body) as unknown);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
