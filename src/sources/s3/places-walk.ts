import { Permanent } from '../../domain/errors';
import type { RangePage, RangeRequest } from '../../domain/fetched';
import type { S3BucketConfig, Source } from '../../domain/source';

/** A trail in a bucket: what stands before AWSLogs/ in its keys. */
export interface TrailPlace {
  bucket: string;
  prefix: string | null;
}

/**
 * Walks the same range of several trails one after the other, for a source that is told of its objects and so has no
 * past of its own: the trails that it was told of before have one.
 * @param walk `S3BucketClient.fetchRange`
 * @throws Permanent where no trail is known, else as the walk does
 */
export async function* walkPlaces(
  places: TrailPlace[],
  request: RangeRequest,
  walk: (request: RangeRequest) => AsyncGenerator<RangePage, void>,
): AsyncGenerator<RangePage, void> {
  if (places.length === 0) {
    throw new Permanent('no bucket is known: a queue has no past, and it has told of no object yet', {
      remedy:
        'Wait until the queue has told of a log file, or make a source of kind S3_BUCKET and backfill that.',
    });
  }
  const sorted = [...places].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const { at, position } = request.position ?? {};
  const begun = typeof at === 'string' ? at : '';
  for (const [index, place] of sorted.entries()) {
    const name = nameOf(place);
    if (name < begun) continue;
    const within = name === begun && isRecord(position) ? position : null;
    const pages = walk({ ...request, source: asBucketSource(request.source, place), position: within });
    for await (const page of pages) {
      yield {
        ...page,
        position: { at: name, position: page.position },
        walked: (index + page.walked) / sorted.length,
        through: sorted.length === 1 ? page.through : null,
      };
    }
  }
}

/** The source as one that reads this trail by listing it. */
function asBucketSource(source: Source, { bucket, prefix }: TrailPlace): Source {
  const s3: S3BucketConfig = {
    bucket,
    prefix,
    accountIds: null,
    regions: null,
    organizationId: null,
    pollIntervalSeconds: 0,
    startAt: null,
  };
  return { ...source, s3 };
}

function nameOf({ bucket, prefix }: TrailPlace): string {
  return `${bucket}/${prefix ?? ''}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
