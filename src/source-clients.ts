import type { Core } from './core';
import { Permanent } from './domain/errors';
import type { SourceKind } from './domain/source';
import type { FetchRange } from './pipeline/backfill-runner';
import type { OpenObject } from './pipeline/batch-reader';
import type { SourceClient } from './pipeline/source-client';
import type { AwsClients } from './sources/aws/aws-clients';
import { DemoClient } from './sources/demo/demo-client';
import { callerAccount } from './sources/lookup/caller-account';
import { LookupClient } from './sources/lookup/lookup-client';
import { LOOKUPS_PER_SECOND } from './sources/lookup/lookup-requests';
import { walkPlaces } from './sources/s3/places-walk';
import { S3BucketClient } from './sources/s3/s3-bucket-client';
import { S3SqsClient } from './sources/sqs/s3-sqs-client';
import { bucketPlace } from './sources/sqs/told-objects';
import { TokenBucket } from './valkey/token-bucket';

type ClientsByKind = Partial<Record<SourceKind, SourceClient>>;

/** How a worker reads sources, by their kind. */
export interface SourceClients {
  /** Of the kinds that are fetched from. */
  clients: ClientsByKind;
  /** Of the kinds that a backfill can walk. */
  ranges: Partial<Record<SourceKind, FetchRange>>;
  /** Opens the object that a batch names, as its source does. @throws Permanent where that can't be */
  openObject: OpenObject;
}

/** @param aws stays its owner's to close */
export function makeSourceClients(core: Core, aws: AwsClients): SourceClients {
  const { log, leaseMs, metrics } = core;
  const s3 = new S3BucketClient({
    connect: (source) => aws.s3(source),
    log,
    onSkipped: (reason, count) => metrics.skippedObjects(reason, count),
  });
  const sqs = new S3SqsClient({
    connectQueue: (source) => aws.sqs(source),
    connectBucket: (source, region) => aws.s3(source, bucketPlace(source, region)),
    visibilityS: Math.ceil((2 * leaseMs) / 1_000),
    log,
  });
  const clients: ClientsByKind = {
    LOOKUP_EVENTS: makeLookupClient(core, aws),
    S3_BUCKET: s3,
    S3_SQS: sqs,
    DEMO: new DemoClient(),
  };
  return {
    clients,
    ranges: rangesOf(core, clients, s3),
    openObject: async (batch, signal) => {
      const source = await core.sources.getAny(batch.sourceId);
      const client = source ? clients[source.kind] : undefined;
      if (!source || !client?.open) throw new Permanent('no source can open this object');
      return client.open(source, batch, signal);
    },
  };
}

/** What can be walked for a backfill: what the clients walk, and the trails that queues have told of. */
function rangesOf(
  core: Core,
  clients: ClientsByKind,
  s3: S3BucketClient,
): Partial<Record<SourceKind, FetchRange>> {
  const ranges: Partial<Record<SourceKind, FetchRange>> = {
    S3_SQS: async function* (request) {
      const places = await core.sourceBatches.trailPlaces(request.source._id);
      yield* walkPlaces(places, request, (within) => s3.fetchRange(within));
    },
  };
  for (const [kind, client] of Object.entries(clients) as [SourceKind, SourceClient][])
    if (client.fetchRange) ranges[kind] = client.fetchRange.bind(client);
  return ranges;
}

function makeLookupClient({ valkey, settings, now }: Core, aws: AwsClients): LookupClient {
  return new LookupClient({
    connect: (source, place) => aws.cloudTrail(source, place),
    account: (source, signal) => callerAccount(aws, source, signal),
    renew: (source) => aws.renew(source),
    rate: new TokenBucket({ valkey, prefix: settings.TRAILGRAPH_PREFIX, perSecond: LOOKUPS_PER_SECOND }),
    now,
  });
}
