import { isUtf8 } from 'node:buffer';
import type { Batch } from '../domain/batch';
import { MAX_RECORD_BYTES } from '../domain/records/splitter';
import { NO_COUNTS } from '../domain/source';
import type { CommitStore } from '../store/commits';
import type { QuarantineStore } from '../store/quarantine';

export interface RefusalParts {
  quarantine: QuarantineStore;
  commits: CommitStore;
  now: () => Date;
}

/**
 * Puts a batch of no known shape to quarantine: the whole of it counts as one rejected record, and is committed so
 * that the counters reconcile. Called again, it finds what an earlier try did.
 */
export async function quarantineWhole(
  batch: Batch & { refusal: string },
  { quarantine, commits, now }: RefusalParts,
): ReturnType<CommitStore['append']> {
  await quarantine.add([
    {
      _id: `${batch._id}:0`,
      sourceId: batch.sourceId,
      batchId: batch._id,
      position: 0,
      reason: batch.refusal,
      text: shownText(batch.payload ?? new Uint8Array()),
      createdAt: now(),
    },
  ]);
  return commits.append({
    ...NO_COUNTS,
    run: batch.run,
    slice: 0,
    batchId: batch._id,
    sourceId: batch.sourceId,
    sourceKind: batch.sourceKind,
    received: 1,
    rejected: 1,
    ids: [],
    ...(batch.silent ? { silent: true as const } : {}),
  });
}

/** Text as it is, other bytes as base64: none of them may be lost. */
function shownText(payload: Uint8Array): string {
  const bytes = Buffer.from(payload);
  if (!isUtf8(bytes)) return bytes.toString('base64').slice(0, MAX_RECORD_BYTES);
  return bytes.subarray(0, MAX_RECORD_BYTES).toString('utf8');
}
