import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Webhook as Verifier } from 'standardwebhooks';

/** One request, verified by the reference implementation of Standard Webhooks. */
export interface ReceivedDelivery {
  webhookId: string;
  eventIds: string[];
}

/** A webhook's receiver: verifies what comes and keeps what is right; all else is kept as a fault. */
export class WebhookReceiver {
  readonly received: ReceivedDelivery[] = [];
  readonly faults: string[] = [];
  private readonly server: Server;
  private verifier: Verifier | null = null;

  constructor() {
    this.server = createServer((request, response) => {
      buffer(request)
        .then((body) => {
          const headers = request.headers as Record<string, string>;
          const { data } = this.verifier!.verify(body.toString(), headers) as { data: unknown };
          const events = (Array.isArray(data) ? data : [data]) as { eventID: string }[];
          this.received.push({
            webhookId: headers['webhook-id']!,
            eventIds: events.map(({ eventID }) => eventID),
          });
          response.writeHead(204).end();
        })
        .catch((error: unknown) => {
          // A sender that is killed while it sends leaves half a request, which is nobody's fault.
          if (!request.complete) return;
          this.faults.push(String(error));
          response.writeHead(400).end();
        });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  trust(secret: string): void {
    this.verifier = new Verifier(secret);
  }

  /** The ids of the events under each webhook-id, of every request that bore it. */
  byWebhookId(): Map<string, string[][]> {
    const all = new Map<string, string[][]>();
    for (const { webhookId, eventIds } of this.received) {
      all.set(webhookId, [...(all.get(webhookId) ?? []), eventIds]);
    }
    return all;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
