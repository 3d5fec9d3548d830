/**
 * Messages per second to N subscribers of eventEnriched, over real sockets: where all subscriptions are equal and where
 * all differ. Beside them, in the same run: a bare `ws` broadcast of the same bytes, and graphql-ws as it comes (each
 * subscription executed for itself) over the same schema and feed. The subscribers are in a process of their own.
 *
 * node --expose-gc build/bench/bench/fanout.js [messages in all, for each row]
 */
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { execute, type GraphQLSchema, parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { StoredEvent } from '../src/domain/event';
import type { Context } from '../src/graphql/context';
import { EventSubscriptions } from '../src/graphql/events/event-subscription';
import { EventResolver } from '../src/graphql/events/resolver';
import { toEvent } from '../src/graphql/events/types';
import { createSchema, type Resolvers } from '../src/graphql/schema';
import type { CommitMessage } from '../src/live/bus';
import { EventFeed } from '../src/live/event-feed';
import { createLogger } from '../src/observe/logger';
import { Metrics } from '../src/observe/metrics';
import { Admission } from '../src/server/admission';
import { addGraphqlWs } from '../src/server/graphql-ws';
import { Origins } from '../src/server/origins';
import { PersistedOperations } from '../src/server/persisted-operations';
import { RequestRates } from '../src/server/request-rates';

const MESSAGES = Number(process.argv[2] ?? 300_000);
const ROOT = join(__dirname, '../../..');
const DOCUMENT = subscriptionOf(readFileSync(join(ROOT, 'schema/operations/events.graphql'), 'utf8'));
const EVENTS_A_SLICE = 50;

/** The document EventEnriched with its fragment, without the others of the file. */
function subscriptionOf(file: string): string {
  return parse(file)
    .definitions.filter(
      (node) => 'name' in node && ['EventParts', 'EventEnriched'].includes(node.name?.value ?? ''),
    )
    .map(({ loc }) => file.slice(loc!.start, loc!.end))
    .join('\n');
}

/** A feed whose store and bus are this process: what is told is not the subject here. */
class Told {
  private head = 0;
  private tell: ((message: CommitMessage) => void) | null = null;
  private readonly slices = new Map<number, StoredEvent[]>();

  readonly feed = new EventFeed(
    {
      head: async () => this.head,
      newest: async () => this.head,
      oldest: async () => 1,
      commitsAfter: async (n, limit) =>
        [...this.slices.keys()]
          .filter((id) => id > n)
          .slice(0, limit)
          .map((id) => ({ _id: id, run: `run ${id}` }) as never),
      eventsOf: async (commit) => this.slices.get(commit._id) ?? [],
    },
    {
      listen: async (onMessage) => {
        this.tell = onMessage;
        return () => undefined;
      },
      onReconnect: () => undefined,
    },
    (error) => {
      throw error;
    },
  );

  commit(count: number): void {
    const n = ++this.head;
    const events = Array.from({ length: count }, (_, pos) => eventOf(n, pos));
    this.slices.set(n, events);
    this.tell?.({ commit: { _id: n, run: `run ${n}` }, events });
  }
}

function eventOf(n: number, pos: number): StoredEvent {
  const at = new Date('2026-01-02T03:04:05Z');
  return {
    _id: randomUUID(),
    eventID: randomUUID(),
    eventTime: at,
    eventName: 'AssumeRole',
    eventSource: 'sts.amazonaws.com',
    eventType: 'AwsApiCall',
    eventCategory: 'Management',
    awsRegion: 'eu-central-1',
    recipientAccountId: '123456789012',
    sourceIPAddress: '198.51.100.7',
    userAgent: 'aws-cli/2.22.4 md/awscrt#0.23.4 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.12.6',
    readOnly: true,
    enrichment: {
      addressKind: 'PUBLIC',
      geo: {
        country: 'Germany',
        countryCode: 'DE',
        region: 'Europe',
        subregion: 'Western Europe',
        subdivision: 'Hesse',
        city: 'Frankfurt am Main',
        latitude: 50.1109,
        longitude: 8.6821,
        timeZone: 'Europe/Berlin',
      },
      network: { asn: 64_500, organization: 'Example Networks' },
      actor: {
        name: 'deployer',
        kind: 'AssumedRole',
        arn: 'arn:aws:sts::123456789012:assumed-role/deployer/build-4711',
        accountId: '123456789012',
        root: false,
        mfa: false,
        issuerArn: 'arn:aws:iam::123456789012:role/deployer',
      },
      outcome: 'SUCCESS',
    },
    run: `run ${n}`,
    pos,
    sourceId: 'bench',
    ingestedAt: at,
  };
}

/** What is measured: a server, and how an event gets to all. */
interface Row {
  name: string;
  /** Whether each subscriber has variables of its own. */
  different: boolean;
  serve(server: Server): Promise<{ send(events: number): void; close(): Promise<void> }>;
}

const RATES = new RequestRates({ valkey: undefined as never, prefix: '', caller: 0, anonymous: 0 });
const caller = {
  userId: 'bench',
  sessionId: 'bench',
  role: 'VIEWER',
  expiresAt: new Date('2100-01-01'),
} as never;

function trailGraph(schema: GraphQLSchema, different: boolean): Row {
  return {
    name: `TrailGraph, all ${different ? 'different' : 'equal'}`,
    different,
    serve: async (server) => {
      const told = new Told();
      const ws = addGraphqlWs(server, {
        schema,
        // Each socket is of a user of its own: one user may have only so many.
        authenticate: async () => ({ ...(caller as object), kind: 'person', id: randomUUID() }) as never,
        recheck: async (known) => [...known],
        now: () => new Date(),
        addressOf: () => null,
        admission: new Admission({ schema, rates: RATES, persisted: PersistedOperations.NONE }),
        places: { take: async (owner) => ({ owner, id: '' }), give: () => undefined },
        subscriptions: { events: new EventSubscriptions(told.feed) } as unknown as Context['subscriptions'],
        origins: new Origins([]),
        introspection: true,
        allOperations: false,
        metrics: new Metrics({ process: false }),
        log: createLogger({ level: 'error', pretty: false }),
      });
      return {
        send: (events) => told.commit(events),
        close: async () => {
          told.feed.close();
          await ws.close();
        },
      };
    },
  };
}

function asItComes(schema: GraphQLSchema, different: boolean): Row {
  return {
    name: `graphql-ws as it comes, all ${different ? 'different' : 'equal'}`,
    different,
    serve: async (server) => {
      const told = new Told();
      const subscriptions = { events: new EventSubscriptions(told.feed) };
      const served = useServer(
        { schema, context: () => ({ caller, subscriptions }) },
        new WebSocketServer({ server, path: '/graphql' }),
      );
      return {
        send: (events) => told.commit(events),
        close: async () => {
          told.feed.close();
          await served.dispose();
        },
      };
    },
  };
}

function bare(payload: string): Row {
  return {
    name: 'bare ws broadcast of the same bytes',
    different: false,
    serve: async (server) => {
      const sockets = new Set<WebSocket>();
      const text = `{"id":"${randomUUID()}","type":"next","payload":${payload}}`;
      const wss = new WebSocketServer({ server, path: '/graphql' });
      wss.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('message', (data) => {
          if (String(data).includes('connection_init')) socket.send('{"type":"connection_ack"}');
        });
      });
      return {
        send: (events) => {
          for (let n = 0; n < events; n++) for (const socket of sockets) socket.send(text);
        },
        close: async () => {
          for (const socket of sockets) socket.terminate();
          await new Promise((resolve) => wss.close(resolve));
        },
      };
    },
  };
}

interface Measured {
  perSecond: number;
  bytesASubscriber: number;
}

async function measure(row: Row, subscribers: number): Promise<Measured> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const served = await row.serve(server);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const { port } = server.address() as AddressInfo;
  const child = fork(join(__dirname, 'fanout-subscribers.js'), [
    JSON.stringify({ port, subscribers, document: DOCUMENT, different: row.different }),
  ]);
  try {
    await once(child, 'message'); // All are subscribed.
    globalThis.gc?.();
    const bytesASubscriber = Math.round((process.memoryUsage().heapUsed - before) / subscribers);
    const events = Math.ceil(MESSAGES / subscribers / EVENTS_A_SLICE) * EVENTS_A_SLICE;
    let seen = 0;
    child.on('message', (count) => {
      seen = Number(count);
    });
    const began = performance.now();
    for (let sent = 0; sent < events; sent += EVENTS_A_SLICE) {
      served.send(EVENTS_A_SLICE);
      // As a worker would: the next slice when this one is mostly out, so that no row measures an endless buffer.
      while (seen < (sent - EVENTS_A_SLICE) * subscribers) await breathe();
    }
    while (seen < events * subscribers) await breathe();
    const seconds = (performance.now() - began) / 1_000;
    return { perSecond: Math.round((events * subscribers) / seconds), bytesASubscriber };
  } finally {
    child.kill();
    await served.close();
    server.closeAllConnections();
    server.close();
  }
}

async function main(): Promise<void> {
  const schema = await createSchema(
    {
      events: new EventResolver(undefined as never, undefined as never),
    } as unknown as Resolvers,
    undefined as never,
  );
  const result = await execute({
    schema,
    document: parse(DOCUMENT),
    rootValue: toEvent(eventOf(1, 0), { n: 1, pos: 0 }),
    contextValue: { caller },
    variableValues: {},
  });
  if (result.errors) throw result.errors[0];
  const payload = JSON.stringify(result);
  process.stdout.write(
    `payload: ${payload.length} bytes\n| | subscribers | messages/s | heap a subscriber |\n|---|---|---|---|\n`,
  );
  const rows = [
    bare(payload),
    trailGraph(schema, false),
    asItComes(schema, false),
    trailGraph(schema, true),
    asItComes(schema, true),
  ];
  for (const subscribers of [100, 1_000]) {
    for (const row of rows) {
      const { perSecond, bytesASubscriber } = await measure(row, subscribers);
      process.stdout.write(
        `| ${row.name} | ${subscribers} | ${perSecond.toLocaleString('en')} | ${(bytesASubscriber / 1024).toFixed(1)} KiB |\n`,
      );
    }
  }
  process.exit(0);
}

void main();
