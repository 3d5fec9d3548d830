import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { STSClient } from '@aws-sdk/client-sts';
import type { Source } from '../../domain/source';
import { type AddressGuard, portOf } from '../../net/address-guard';
import { guardedLookup, type Resolve } from '../../net/guarded-lookup';
import { type Agents, makeAgents, retireAgents } from './agents';
import type { CallerIdentity } from './call-place';
import type { RenewedCredentials } from './renewed-credentials';

export type AwsClient = S3Client | SQSClient | CloudTrailClient | STSClient;

/** What is kept of one version of a source. */
export interface Kept {
  updatedAt: number;
  /** By service, Region and account. */
  clients: Map<string, AwsClient>;
  agents: Agents;
  /** The server's own, where the source uses them. */
  ambient: RenewedCredentials | null;
  /** By account; '' where the role is no pattern. */
  roles: Map<string, RenewedCredentials>;
  identities: Map<string, CallerIdentity>;
}

export interface KeptClientsOptions {
  /** Which addresses a source's own endpoint may lead to. */
  guard: AddressGuard;
  /** Beyond so many the source that was not asked for longest goes. */
  most: number;
  /** How the names of own endpoints are resolved; by the system unless told. */
  resolve?: Resolve;
}

/** Keeps clients, their sockets and what they know, by source and endpoint, as the source was last changed. */
export class KeptClients {
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly options: KeptClientsOptions) {}

  /**
   * What is kept of a source as it stands; what an earlier version of it used is retired.
   * @param endpoint the source's own; null for AWS
   */
  of(source: Source, endpoint: URL | null): Kept {
    const updatedAt = source.updatedAt.getTime();
    // Queue and bucket may have different endpoints, and only own ones are looked up under guard.
    const id = endpoint ? `${source._id} ${endpoint.origin}` : source._id;
    const known = this.kept.get(id);
    this.kept.delete(id);
    if (known?.updatedAt === updatedAt) {
      this.kept.set(id, known);
      return known;
    }
    if (known) retireAgents(known.agents);
    const { guard, resolve } = this.options;
    const lookup = endpoint ? guardedLookup(guard, resolve, portOf(endpoint)) : undefined;
    const kept: Kept = {
      updatedAt,
      clients: new Map(),
      agents: makeAgents(lookup),
      ambient: null,
      roles: new Map(),
      identities: new Map(),
    };
    this.kept.set(id, kept);
    this.evict();
    return kept;
  }

  /** Retires what is kept of a source, whatever the endpoint. */
  forget(sourceId: string): void {
    for (const [id, { agents }] of this.kept) {
      if (id !== sourceId && !id.startsWith(`${sourceId} `)) continue;
      this.kept.delete(id);
      retireAgents(agents);
    }
  }

  /** Destroys every client and its sockets, those in use too. */
  close(): void {
    for (const { clients } of this.kept.values()) for (const client of clients.values()) client.destroy();
    this.kept.clear();
  }

  private evict(): void {
    for (const [id, { agents }] of this.kept) {
      if (this.kept.size <= this.options.most) return;
      this.kept.delete(id);
      retireAgents(agents);
    }
  }
}
