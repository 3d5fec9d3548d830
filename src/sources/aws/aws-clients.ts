import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { Permanent, Retryable } from '../../domain/errors';
import type { AwsAccess, Source } from '../../domain/source';
import type { AddressGuard } from '../../net/address-guard';
import type { Resolve } from '../../net/guarded-lookup';
import { SOCKET_IDLE_MS } from './agents';
import { DEFAULT_REGION } from './aws-defaults';
import { callWithin } from './call-deadline';
import { accountKey, type CallerIdentity, type CallPlace } from './call-place';
import { ambientCredentials, roleCredentials, roleOf } from './credentials';
import { forgetExpired } from './forget-expired';
import { type AwsClient, type Kept, KeptClients } from './kept-clients';
import { maskErrors } from './masked-errors';
import { ownEndpoint } from './own-endpoint';
import { readQueueUrl } from './queue-url';
import type { KeyProvider, RenewedCredentials } from './renewed-credentials';

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
  /** Most sources whose clients are kept at a time; 100. The one that was not asked for longest goes first. */
  maxClients?: number;
  /** How the names of own endpoints are resolved; by the system unless told. */
  resolve?: Resolve;
}

const MOST_KEPT = 100;
const CONNECT_MS = 5_000;
/** LookupEvents takes up to 35 s to answer. */
const LOOKUP_IDLE_MS = 60_000;
const MAX_ATTEMPTS = 3;

const IDENTITY_WITHIN_MS = 20_000;

/** What every client of a source has in common. */
interface CommonConfig {
  region: string;
  maxAttempts: number;
  requestHandler: object;
  endpoint?: string;
  useDualstackEndpoint?: boolean;
  useFipsEndpoint?: boolean;
  credentials: StaticKeys | KeyProvider;
}

/**
 * AWS clients, those of a source as it was last changed. A source's own endpoint only ever gets the source's own
 * access keys, never the server's credentials, and is reached only at addresses that the guard lets through. That holds
 * for the assuming of a role as well: where the source has an endpoint, STS is asked there.
 *
 * Each method throws Permanent with a remedy where the source's access can't work as it is set.
 * The owner closes it.
 */
export class AwsClients {
  private readonly kept: KeptClients;

  constructor(private readonly options: AwsClientsOptions) {
    const { guard, resolve, maxClients } = options;
    this.kept = new KeptClients({ guard, most: maxClients ?? MOST_KEPT, ...(resolve ? { resolve } : {}) });
  }

  s3(source: Source, place: CallPlace = {}): S3Client {
    return this.client(source, 's3', place, (common, ownEndpoint) => {
      return new S3Client({
        ...common,
        // gzip has a checksum of its own, and without this the body would pass through a stream that swallows its errors.
        responseChecksumValidation: 'WHEN_REQUIRED',
        // Servers other than S3 rarely have a name for each bucket.
        ...(ownEndpoint ? { forcePathStyle: true } : {}),
      });
    });
  }

  /** The client for the source's queue, at the host of its URL: one that is not AWS's is an own endpoint like others. */
  sqs(source: Source, place: CallPlace = {}): SQSClient {
    const queue = source.sqs ? readQueueUrl(source.sqs.queueUrl) : null;
    if (!queue || !source.aws) throw new Permanent(`the source "${source.name}" names no queue`);
    const view = { ...source, aws: { ...source.aws, endpointUrl: queue.aws ? null : queue.origin } };
    const at = queue.aws
      ? { endpoint: queue.origin, useDualstackEndpoint: false, useFipsEndpoint: false }
      : {};
    const region = queue.region ? { region: queue.region } : {};
    return this.client(
      view,
      'sqs',
      { ...region, ...place },
      (common) => new SQSClient({ ...common, ...at, useQueueUrlAsEndpoint: false }),
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
    this.kept.forget(source._id);
  }

  /** Gets the keys that calls in this place are signed with, the role's where one is assumed. Throws as such calls do. */
  async checkCredentials(source: Source, place: CallPlace): Promise<void> {
    const { renewed } = this.credentials(this.entry(source), place);
    await renewed?.get();
  }

  /**
   * Who the calls in this place are made as (sts:GetCallerIdentity), asked once for each version of a source.
   * @throws the signal's reason, CallTimeout after 20 s, or what the AWS SDK throws: `commonFault` tells it
   */
  async identity(source: Source, place: CallPlace, signal: AbortSignal): Promise<CallerIdentity> {
    const { access, kept } = this.entry(source);
    const key = accountKey(access, place);
    const known = kept.identities.get(key);
    if (known) return known;
    const sts = this.client(source, 'sts', ownRegion(place), (common) => new STSClient(common));
    const { Account, Arn } = await callWithin(IDENTITY_WITHIN_MS, signal, (abortSignal) =>
      sts.send(new GetCallerIdentityCommand({}), { abortSignal }),
    );
    if (!Account || !Arn) throw new Retryable('STS answered without an account and an ARN');
    const identity = { account: Account, arn: Arn };
    kept.identities.set(key, identity);
    return identity;
  }

  private client<C extends AwsClient>(
    source: Source,
    service: string,
    place: CallPlace,
    make: (common: CommonConfig, ownEndpoint: boolean) => C,
  ): C {
    const entry = this.entry(source);
    const region = place.region ?? entry.access.region ?? DEFAULT_REGION;
    return this.made(entry, `${service}/${region}/${accountKey(entry.access, place)}`, () => {
      const { credentials, renewed } = this.credentials(entry, place);
      const client = make({ ...this.commonConfig(entry, region), credentials }, entry.endpoint !== null);
      return { client, renewed };
    });
  }

  /** The client that is kept under this key, made where there is none. */
  private made<C extends AwsClient>({ kept }: Entry, key: string, make: () => Made<C>): C {
    const known = kept.clients.get(key);
    if (known) return known as C;
    const { client, renewed } = make();
    maskErrors(client);
    if (renewed) forgetExpired(client as STSClient, renewed); // The stacks of all clients are alike.
    kept.clients.set(key, client);
    return client;
  }

  private entry(source: Source): Entry {
    const access = source.aws;
    if (!access) throw new Permanent(`the source "${source.name}" does not say how to reach AWS`);
    // Each time, since the addresses that are denied may have grown.
    const endpoint = access.endpointUrl === null ? null : ownEndpoint(access.endpointUrl, this.options.guard);
    return { source, access, endpoint, kept: this.kept.of(source, endpoint) };
  }

  private commonConfig({ endpoint, kept }: Entry, region: string): Omit<CommonConfig, 'credentials'> {
    return {
      region,
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        socketTimeout: SOCKET_IDLE_MS,
        httpAgent: kept.agents[0],
        httpsAgent: kept.agents[1],
      },
      // Settings made for AWS do not apply to other servers.
      ...(endpoint ? { endpoint: endpoint.href, useDualstackEndpoint: false, useFipsEndpoint: false } : {}),
    };
  }

  /** Destroys every client and its sockets, those in use too. */
  close(): void {
    this.kept.close();
  }

  /** What calls in this place are signed with: the role on top of what the source has itself. */
  private credentials(entry: Entry, place: CallPlace): Credentials {
    const { access, kept } = entry;
    const base = this.baseCredentials(entry);
    const roleArn = roleOf(access, place.accountId);
    if (roleArn === null) return base;
    const key = accountKey(access, place);
    let role = kept.roles.get(key);
    if (!role) {
      const region = access.region ?? DEFAULT_REGION;
      const config = { ...this.commonConfig(entry, region), credentials: base.credentials };
      const sts = () =>
        this.made(entry, `sts/${region}/for roles`, () => {
          return { client: new STSClient(config), renewed: base.renewed };
        });
      role = roleCredentials(sts, { roleArn, externalId: access.externalId });
      kept.roles.set(key, role);
    }
    return { credentials: role.provider, renewed: role };
  }

  private baseCredentials({ source, access, endpoint, kept }: Entry): Credentials {
    const keys = this.options.openKeys(source);
    if (keys) return { credentials: keys, renewed: null };
    if (endpoint) {
      throw new Permanent(
        `the source has its own endpoint ${endpoint.origin} but no access keys of its own`,
        {
          remedy:
            "Give access keys for this endpoint: the server's own AWS credentials are never sent to it.",
        },
      );
    }
    kept.ambient ??= ambientCredentials(access.profile, {
      region: access.region ?? DEFAULT_REGION,
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SOCKET_IDLE_MS },
    });
    return { credentials: kept.ambient.provider, renewed: kept.ambient };
  }
}

/** A source as it stands, checked, with what is kept of it. */
interface Entry {
  source: Source;
  access: AwsAccess;
  endpoint: URL | null;
  kept: Kept;
}

interface Credentials {
  credentials: StaticKeys | KeyProvider;
  /** Null for keys that nobody renews. */
  renewed: RenewedCredentials | null;
}

interface Made<C> {
  client: C;
  renewed: RenewedCredentials | null;
}

function ownRegion({ accountId }: CallPlace): CallPlace {
  return accountId === undefined ? {} : { accountId };
}
