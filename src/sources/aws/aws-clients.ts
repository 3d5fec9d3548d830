import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Permanent } from '../../domain/errors';
import type { AwsAccess, Source } from '../../domain/source';
import { type AddressGuard, portOf } from '../../net/address-guard';
import { guardedLookup, type Resolve } from '../../net/guarded-lookup';

/** Access keys of a source, unsealed. */
export interface StaticKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface AwsClientsOptions {
  /** Which addresses a source's own endpoint may lead to. */
  guard: AddressGuard;
  /** The source's own access keys; null where it has none. */
  openKeys: (source: Source) => StaticKeys | null;
  /** Most clients kept at a time; 100. The one that was not asked for longest goes first. */
  maxClients?: number;
  /** How the names of own endpoints are resolved; by the system unless told. */
  resolve?: Resolve;
}

/** Where a source says nothing. */
export const DEFAULT_REGION = 'us-east-1';

const CONNECT_MS = 5_000;
/** Without a byte in either direction. */
const SOCKET_IDLE_MS = 30_000;
/** LookupEvents takes up to 35 s to answer. */
const LOOKUP_IDLE_MS = 60_000;
const MAX_ATTEMPTS = 3;
/** Sockets of one source: listing and reading together use far fewer. */
const MAX_SOCKETS = 64;

type AwsClient = S3Client | SQSClient | CloudTrailClient;

interface Kept {
  updatedAt: number;
  /** By service, Region and account. */
  clients: Map<string, AwsClient>;
  agents: [HttpAgent, HttpsAgent];
}

/** Where a call goes, if not to the Region of the source. */
export interface CallPlace {
  region?: string;
  /** For a roleArn with `{accountId}`. */
  accountId?: string;
}

/** What every client of a source has in common. */
interface CommonConfig {
  region: string;
  maxAttempts: number;
  requestHandler: object;
  endpoint?: string;
  useDualstackEndpoint?: boolean;
  useFipsEndpoint?: boolean;
  credentials?: StaticKeys;
  profile?: string;
}

/**
 * AWS clients, those of a source as it was last changed. A source's own endpoint only ever gets the source's own
 * access keys, never the server's credentials, and is reached only at addresses that the guard lets through.
 *
 * Each method throws Permanent with a remedy where the source's access can't work as it is set.
 * The owner closes it.
 */
export class AwsClients {
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly options: AwsClientsOptions) {}

  s3(source: Source): S3Client {
    return this.client(source, 's3', {}, (common, ownEndpoint) => {
      return new S3Client({
        ...common,
        // gzip has a checksum of its own, and without this the body would pass through a stream that swallows its errors.
        responseChecksumValidation: 'WHEN_REQUIRED',
        // Servers other than S3 rarely have a name for each bucket.
        ...(ownEndpoint ? { forcePathStyle: true } : {}),
      });
    });
  }

  sqs(source: Source, place: CallPlace = {}): SQSClient {
    return this.client(
      source,
      'sqs',
      place,
      // Else the host of the queue's URL would be called, whatever the endpoint.
      (common) => new SQSClient({ ...common, useQueueUrlAsEndpoint: false }),
    );
  }

  cloudTrail(source: Source, place: CallPlace = {}): CloudTrailClient {
    return this.client(source, 'cloudtrail', place, (common) => {
      return new CloudTrailClient({
        ...common,
        // Whoever asks keeps the rate, and so tries again by itself.
        maxAttempts: 1,
        requestHandler: { ...common.requestHandler, socketTimeout: LOOKUP_IDLE_MS },
      });
    });
  }

  /** The credentials of a source are refused: its next client asks for them anew. */
  renew(source: Source): void {
    const known = this.kept.get(source._id);
    if (known?.updatedAt !== source.updatedAt.getTime()) return;
    this.kept.delete(source._id);
    retire(known);
  }

  private client<C extends AwsClient>(
    source: Source,
    service: string,
    place: CallPlace,
    make: (common: CommonConfig, ownEndpoint: boolean) => C,
  ): C {
    const access = source.aws;
    if (!access) throw new Permanent(`the source "${source.name}" does not say how to reach AWS`);
    // Each time, since the addresses that are denied may have grown.
    const endpoint = access.endpointUrl === null ? null : this.checkedEndpoint(access.endpointUrl);
    const kept = this.keptOf(source, endpoint);
    const region = place.region ?? access.region ?? DEFAULT_REGION;
    const key = `${service}/${region}/${place.accountId ?? ''}`;
    const known = kept.clients.get(key);
    if (known) return known as C;
    const made = make(
      this.commonConfig(source, { access, endpoint, region, agents: kept.agents }),
      !!endpoint,
    );
    kept.clients.set(key, made);
    return made;
  }

  /** What is kept of a source as it stands; what an earlier version of it used is retired. */
  private keptOf(source: Source, endpoint: URL | null): Kept {
    const updatedAt = source.updatedAt.getTime();
    const known = this.kept.get(source._id);
    this.kept.delete(source._id);
    if (known?.updatedAt === updatedAt) {
      this.kept.set(source._id, known);
      return known;
    }
    if (known) retire(known);
    const { guard, resolve } = this.options;
    const lookup = endpoint ? guardedLookup(guard, resolve, portOf(endpoint)) : undefined;
    const kept: Kept = { updatedAt, clients: new Map(), agents: makeAgents(lookup) };
    this.kept.set(source._id, kept);
    this.evict();
    return kept;
  }

  private commonConfig(
    source: Source,
    {
      access,
      endpoint,
      region,
      agents,
    }: { access: AwsAccess; endpoint: URL | null; region: string; agents: Kept['agents'] },
  ): CommonConfig {
    return {
      region,
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        socketTimeout: SOCKET_IDLE_MS,
        httpAgent: agents[0],
        httpsAgent: agents[1],
      },
      // Settings made for AWS do not apply to other servers.
      ...(endpoint ? { endpoint: endpoint.href, useDualstackEndpoint: false, useFipsEndpoint: false } : {}),
      ...this.credentials(source, access, endpoint),
    };
  }

  /** Destroys every client and its sockets, those in use too. */
  close(): void {
    for (const { clients } of this.kept.values()) for (const client of clients.values()) client.destroy();
    this.kept.clear();
  }

  private checkedEndpoint(text: string): URL {
    if (!URL.canParse(text)) {
      throw new Permanent('the endpoint is not a URL', {
        remedy: 'Write it like https://s3.example.com:9000',
      });
    }
    const endpoint = new URL(text);
    const reason = this.options.guard.checkUrl(endpoint);
    if (reason !== null) {
      throw new Permanent(`the endpoint ${endpoint.origin} may not be called: ${reason}`, {
        remedy: BLOCKED_ENDPOINT_REMEDY,
      });
    }
    return endpoint;
  }

  private credentials(source: Source, access: AwsAccess, endpoint: URL | null): Credentials {
    if (access.roleArn) {
      throw new Permanent('this version of TrailGraph can not assume a role (roleArn)', {
        remedy: 'Give access keys, name a profile that assumes the role, or leave roleArn out.',
      });
    }
    const keys = this.options.openKeys(source);
    if (keys) return { credentials: keys };
    if (endpoint) {
      throw new Permanent(
        `the source has its own endpoint ${endpoint.origin} but no access keys of its own`,
        {
          remedy:
            "Give access keys for this endpoint: the server's own AWS credentials are never sent to it.",
        },
      );
    }
    return access.profile ? { profile: access.profile } : {};
  }

  private evict(): void {
    for (const [id, kept] of this.kept) {
      if (this.kept.size <= (this.options.maxClients ?? 100)) return;
      this.kept.delete(id);
      retire(kept);
    }
  }
}

export const BLOCKED_ENDPOINT_REMEDY =
  'Use an endpoint with a public address, or let the operator open its range by AWS_ENDPOINT_ALLOW_CIDRS.';

type Credentials = { credentials: StaticKeys } | { profile: string } | Record<never, never>;

function makeAgents(lookup: LookupFunction | undefined): [HttpAgent, HttpsAgent] {
  // The timeout here is the one of sockets that nobody uses.
  const options = {
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    timeout: SOCKET_IDLE_MS,
    ...(lookup ? { lookup } : {}),
  };
  return [new HttpAgent(options), new HttpsAgent(options)];
}

/** Closes what is idle; an object that is being read is read to its end, and its socket closed after that. */
function retire({ agents }: Kept): void {
  for (const agent of agents) {
    agent.maxFreeSockets = 0;
    for (const sockets of Object.values(agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
  }
}
