import { createHash } from 'node:crypto';
import type { BatchObject, NewBatch } from '../../domain/batch';
import type { Source } from '../../domain/source';

/** The same version of an object is the same batch, however often it is listed or told of. */
export function objectBatch(source: Source, object: BatchObject): NewBatch {
  const identity = JSON.stringify([source._id, source.epoch, object.key, object.etag]);
  return {
    _id: `obj_${createHash('sha256').update(identity).digest('hex').slice(0, 40)}`,
    sourceId: source._id,
    sourceKind: source.kind,
    reference: `s3://${object.bucket}/${object.key}`,
    object,
  };
}
