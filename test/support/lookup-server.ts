import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { AWS_THROTTLE, LookupThrottle, type ThrottleRate } from './lookup-throttle';

/** A record as CloudTrail writes it, as far as the server looks at it. */
export interface TrailRecord {
  eventID: string;
  eventTime: string;
  [member: string]: unknown;
}

export interface LookupServerOptions {
  /** Requests a second for each account and Region, and how many at once; null takes all. */
  throttle?: ThrottleRate | null;
  /** Events a page at most, below the 50 that are asked for. */
  pageSize?: number;
  /** Events of the page before that a page tells again; fewer than fit on a page. */
  repeats?: number;
  /** Milliseconds since the epoch; decides which events are delivered yet. */
  now?: () => number;
}

/** A call as it went over the wire. */
export interface Exchange {
  /** Milliseconds since the epoch, of the machine's clock. */
  at: number;
  operation: string;
  account: string | null;
  region: string;
  accessKeyId: string;
  request: Record<string, unknown>;
  status: number;
  response: Record<string, unknown>;
}

interface Kept {
  id: string;
  time: number;
  deliveredAt: number;
  insight: boolean;
  event: Record<string, unknown>;
}

interface Fault {
  code: string;
  status?: number;
  message?: string;
}

interface Plan extends Fault {
  times: number;
}

export const LOOKUP_ACCOUNT = '111122223333';
export const LOOKUP_KEYS = { accessKeyId: 'AKIALOOKUPEXAMPLE000', secretAccessKey: 'lookup-test-secret' };

/** The published target prefix, or its last part alone: the SDK for JavaScript sends that, and AWS takes both. */
const TARGET = /^(com\.amazonaws\.cloudtrail\.v20131101\.)?CloudTrail_20131101\./;

/**
 * Plays CloudTrail's LookupEvents, and STS for GetCallerIdentity, on one port of this machine: any Region, any number
 * of accounts. What it answers is checked against the service's published model by test/support/lookup-model.ts.
 */
export class LookupServer {
  readonly exchanges: Exchange[] = [];
  /** Regions that answer late, in ms. */
  readonly slow = new Map<string, number>();
  /** Regions that no account has switched on. */
  readonly off = new Set<string>();
  private readonly closing = new AbortController();
  private readonly accounts = new Map([[LOOKUP_KEYS.accessKeyId, LOOKUP_ACCOUNT]]);
  private readonly expired = new Set<string>();
  private readonly events = new Map<string, Kept[]>();
  private readonly tokens = new Map<string, { parameters: string; after: Kept }>();
  private readonly plans = new Map<string, Plan[]>();
  private readonly throttle: LookupThrottle;

  private constructor(
    private readonly http: Server,
    private readonly options: LookupServerOptions,
  ) {
    const { throttle = AWS_THROTTLE } = options;
    this.throttle = new LookupThrottle(throttle);
  }

  static async start(options: LookupServerOptions = {}): Promise<LookupServer> {
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = new LookupServer(http, options);
    http.on('request', (request, response) => {
      server.handle(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.closing.abort();
    const closed = once(this.http, 'close');
    this.http.close();
    this.http.closeAllConnections();
    await closed;
  }

  /** Lets a key in, of an account. */
  allow(accessKeyId: string, account: string): void {
    this.accounts.set(accessKeyId, account);
  }

  /** The session of this key is over. */
  expire(accessKeyId: string): void {
    this.expired.add(accessKeyId);
  }

  /** Forgets every NextToken that it gave. */
  expireTokens(): void {
    this.tokens.clear();
  }

  /** The next calls of LookupEvents in a Region fail; `times` of them, or all. */
  fail(region: string, fault: Fault, times = Number.POSITIVE_INFINITY): void {
    this.plans.set(region, [...(this.plans.get(region) ?? []), { ...fault, times }]);
  }

  mend(region: string): void {
    this.plans.delete(region);
  }

  /** Records of a Region, seen from `deliveredAt` (ms since the epoch) on. */
  add(
    region: string,
    records: TrailRecord[],
    { account = LOOKUP_ACCOUNT, deliveredAt = 0, insight = false } = {},
  ): void {
    this.keep(
      account,
      region,
      records.map((record) => ({
        id: record.eventID,
        time: Date.parse(record.eventTime),
        deliveredAt,
        insight,
        event: eventOf(record),
      })),
    );
  }

  /** An event whose record is not what it should be. */
  addRaw(region: string, event: Record<string, unknown>, account = LOOKUP_ACCOUNT): void {
    const [id, time] = [String(event.EventId), Number(event.EventTime) * 1_000];
    this.keep(account, region, [{ id, time, deliveredAt: 0, insight: false, event }]);
  }

  /** Calls of LookupEvents in a Region, those refused too. */
  calls(region?: string): Exchange[] {
    return this.exchanges.filter(
      (one) => one.operation === 'LookupEvents' && (region === undefined || one.region === region),
    );
  }

  private keep(account: string, region: string, added: Kept[]): void {
    const key = `${account}/${region}`;
    const all = [...(this.events.get(key) ?? []), ...added];
    this.events.set(
      key,
      all.sort((a, b) => b.time - a.time || (a.id < b.id ? 1 : -1)),
    );
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { accessKeyId, region } = scopeOf(request);
    const target = String(request.headers['x-amz-target'] ?? '');
    const account = this.accounts.get(accessKeyId) ?? null;
    if (!target) {
      answerSts(response, this.identityFault(accessKeyId, account), account);
      return;
    }
    const asked = JSON.parse(body) as Record<string, unknown>;
    const exchange: Exchange = {
      ...{ at: Date.now(), operation: target.replace(TARGET, ''), account, region, accessKeyId },
      ...{ request: asked, status: 200, response: {} },
    };
    this.exchanges.push(exchange);
    const planned = this.faultOf(exchange);
    const wait = this.slow.get(region);
    if (wait) await delay(wait, undefined, { signal: this.closing.signal });
    const fault = planned ?? requestFault(asked);
    const page = fault ? null : this.page(exchange);
    const { code, status = 400, message = code } = fault ?? { code: 'InvalidNextTokenException' };
    exchange.status = page ? 200 : status;
    exchange.response = page ?? { __type: code, message };
    response.writeHead(exchange.status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(exchange.response));
  }

  private identityFault(accessKeyId: string, account: string | null): Fault | null {
    if (this.expired.has(accessKeyId))
      return {
        code: 'ExpiredTokenException',
        message: 'The security token included in the request is expired',
      };
    return account ? null : { code: 'UnrecognizedClientException', message: 'The security token is invalid' };
  }

  private faultOf({ operation, account, region, accessKeyId, at }: Exchange): Fault | null {
    if (operation !== 'LookupEvents') return { code: 'UnknownOperationException' };
    const stranger = this.identityFault(accessKeyId, account);
    if (stranger) return stranger;
    if (this.off.has(region)) return { code: 'UnrecognizedClientException' };
    const plan = this.plans.get(region)?.find(({ times }) => times > 0);
    if (plan) {
      plan.times--;
      return plan;
    }
    return this.throttle.refuses(`${account}/${region}`, at)
      ? { code: 'ThrottlingException', message: 'Rate exceeded' }
      : null;
  }

  /** Null where the NextToken is not one of these parameters. */
  private page({ account, region, request }: Exchange): Record<string, unknown> | null {
    const { NextToken, MaxResults = 50, ...window } = request;
    const parameters = JSON.stringify([account, region, MaxResults, window]);
    const token = typeof NextToken === 'string' ? this.tokens.get(NextToken) : undefined;
    if (NextToken !== undefined && token?.parameters !== parameters) return null;
    const [start, end] = [Number(window.StartTime) * 1_000, Number(window.EndTime) * 1_000];
    const now = this.now();
    const all = this.events.get(`${account}/${region}`) ?? [];
    const found = all
      .slice(token ? Math.max(0, all.indexOf(token.after) + 1 - (this.options.repeats ?? 0)) : 0)
      .filter((one) => one.insight === (window.EventCategory === 'insight'))
      .filter(({ time, deliveredAt }) => time >= start && time <= end && deliveredAt <= now);
    const page = found.slice(0, Math.min(Number(MaxResults), this.options.pageSize ?? 50));
    const Events = page.map(({ event }) => event);
    if (page.length === found.length) return { Events };
    const next = randomBytes(24).toString('base64');
    this.tokens.set(next, { parameters, after: page.at(-1)! });
    return { Events, NextToken: next };
  }
}

function requestFault({
  MaxResults = 50,
  StartTime = 0,
  EndTime = Infinity,
}: Record<string, unknown>): Fault | null {
  const size = Number(MaxResults);
  if (!(Number.isInteger(size) && size >= 1 && size <= 50)) return { code: 'InvalidMaxResultsException' };
  return Number(StartTime) > Number(EndTime) ? { code: 'InvalidTimeRangeException' } : null;
}

/** What LookupEvents tells of a record. */
function eventOf(record: TrailRecord): Record<string, unknown> {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const identity = (record.userIdentity ?? {}) as Record<string, unknown>;
  const entries = {
    EventId: record.eventID,
    EventName: text(record.eventName),
    ReadOnly: record.readOnly === undefined ? undefined : String(record.readOnly),
    AccessKeyId: text(identity.accessKeyId),
    EventTime: Date.parse(record.eventTime) / 1_000,
    EventSource: text(record.eventSource),
    Username: text(identity.userName),
    Resources: [],
    CloudTrailEvent: JSON.stringify(record),
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}

/** Who asks in which Region, by the signature: `Credential=AKIA.../20260101/us-east-1/cloudtrail/aws4_request`. */
function scopeOf(request: IncomingMessage): { accessKeyId: string; region: string } {
  const [, accessKeyId = '', region = ''] =
    /Credential=([^/]+)\/\d{8}\/([^/]+)\//.exec(String(request.headers.authorization)) ?? [];
  return { accessKeyId, region };
}

function answerSts(response: ServerResponse, fault: Fault | null, account: string | null): void {
  const xmlns = 'https://sts.amazonaws.com/doc/2011-06-15/';
  response.writeHead(fault ? 403 : 200, { 'content-type': 'text/xml' });
  response.end(
    fault
      ? `<ErrorResponse xmlns="${xmlns}"><Error><Type>Sender</Type><Code>${fault.code}</Code><Message>${fault.message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`
      : `<GetCallerIdentityResponse xmlns="${xmlns}"><GetCallerIdentityResult><Arn>arn:aws:iam::${account}:user/reader</Arn><UserId>AIDAEXAMPLE</UserId><Account>${account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
  );
}
