import { type AwsAccess, NO_COUNTS, type Source } from '../../src/domain/source';

/** A source as it stands in the store, for parts that take one. */
export function sourceOf(changes: Partial<Omit<Source, 'aws'>>, aws: Partial<AwsAccess> | null = {}): Source {
  return {
    _id: 'src_test',
    name: 'test',
    kind: 'S3_BUCKET',
    state: 'ACTIVE',
    epoch: 1,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    deletedAt: null,
    aws: aws && {
      region: null,
      profile: null,
      roleArn: null,
      externalId: 'external-id',
      endpointUrl: null,
      staticKeys: null,
      ...aws,
    },
    lookupEvents: null,
    s3: null,
    sqs: null,
    httpPush: null,
    demo: null,
    dropFilter: null,
    status: { health: 'UNKNOWN', lastError: null, lastErrorAt: null, remedy: null, lastSuccessAt: null },
    counters: { ...NO_COUNTS },
    through: 0,
    nextRunAt: null,
    token: null,
    ...changes,
  };
}

export const BUCKET_CONFIG = {
  bucket: 'my-trail',
  prefix: null,
  accountIds: null,
  regions: null,
  organizationId: null,
  pollIntervalSeconds: 60,
  startAt: null,
} as const;
