import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../domain/errors';
import { CommandFailure } from '../failure';
import { linesOf } from './describe';
import { signatureFault } from './verify';

export interface ListenerOptions {
  host: string;
  port: number;
  /** What is answered to what verifies. */
  status: number;
  /** Milliseconds before that. */
  delayMs: number;
  /** Where everything is passed on to, and whose answer is given then; null: nowhere. */
  forward: URL | null;
  /** Bodies as they came instead of lines. */
  json: boolean;
  print: (line: string) => void;
  complain: (line: string) => void;
}

/** A body of ours has at most 1 MiB. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;
const FORWARD_MS = 30_000;
const PASSED_ON = [
  'content-type',
  'user-agent',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
] as const;

/** A receiver for development: verifies what comes, shows it, and answers as told. The owner closes it. */
export class Listener {
  private readonly server: Server;
  private readonly stopping = new AbortController();
  /** Set once the webhook is there. */
  secret: Buffer | null = null;

  constructor(private readonly options: ListenerOptions) {
    this.server = createServer((request, response) => void this.take(request, response));
    this.server.maxConnections = 100;
  }

  /** @returns where webhooks are to be sent */
  async start(): Promise<string> {
    const { host, port } = this.options;
    this.server.listen(port, host);
    try {
      await once(this.server, 'listening');
    } catch (error) {
      throw new CommandFailure(`Can't listen on ${host}:${port}: ${messageOf(error)}.`);
    }
    const { port: taken } = this.server.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${taken}/`;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { delayMs, complain } = this.options;
    try {
      const body = await read(request);
      const status = body === null ? 413 : await this.judge(request, body);
      if (delayMs > 0) await delay(delayMs, undefined, { signal: this.stopping.signal });
      response.writeHead(status).end();
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      complain(`a request was broken off: ${messageOf(error)}`);
      response.destroy();
    }
  }

  /** @returns the status to answer */
  private async judge(request: IncomingMessage, body: Buffer): Promise<number> {
    const { status, forward, complain } = this.options;
    if (request.method !== 'POST' || this.secret === null) return request.method === 'POST' ? 503 : 405;
    const fault = signatureFault(request.headers, body, this.secret, Math.floor(Date.now() / 1_000));
    if (fault !== null) {
      complain(`refused a request from ${request.socket.remoteAddress}: ${fault}`);
      return 401;
    }
    this.show(String(request.headers['webhook-id']), body);
    return forward === null ? status : this.passOn(request, body, forward);
  }

  private show(id: string, body: Buffer): void {
    const { json, print } = this.options;
    const text = body.toString('utf8');
    if (json) print(text);
    else for (const line of linesOf(JSON.parse(text))) print(`${id.slice(0, 12)}  ${line}`);
  }

  private async passOn({ headers }: IncomingMessage, body: Buffer, to: URL): Promise<number> {
    const sent = Object.fromEntries(PASSED_ON.map((name) => [name, String(headers[name] ?? '')]));
    try {
      const answer = await fetch(to, {
        method: 'POST',
        headers: sent,
        body: new Uint8Array(body),
        redirect: 'manual',
        signal: AbortSignal.any([this.stopping.signal, AbortSignal.timeout(FORWARD_MS)]),
      });
      await answer.body?.cancel();
      if (!answer.ok) this.options.complain(`${to.href} answered ${answer.status}`);
      return answer.status;
    } catch (error) {
      this.options.complain(
        `${to.href} does not answer: ${messageOf((error as { cause?: unknown }).cause ?? error)}`,
      );
      return 502;
    }
  }
}

/** @returns null where it is too long */
async function read(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Read on for a while: a sender that is cut off in the middle does not hear the answer.
    if (bytes > MAX_DISCARDED_BYTES) return null;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? null : Buffer.concat(chunks);
}
