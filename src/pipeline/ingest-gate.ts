import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PartResult } from '../domain/batch';
import { Invalid, messageOf, Unavailable } from '../domain/errors';
import { NotATrailFile, RecordSplitter } from '../domain/records/splitter';
import type { SourceKind } from '../domain/source';
import type { BatchStore } from '../store/batches';
import type { SettlementWatch } from './settlement-watch';

export interface IngestGateParts {
  batches: BatchStore;
  settlements: SettlementWatch;
  /** Tells the workers of new batches. */
  hint: (batchIds: string[]) => Promise<void>;
}

/** Where a body belongs. */
export interface IngestTarget {
  sourceId: string;
  kind: SourceKind;
}

interface Body {
  records: Buffer[];
  bytes: number;
  resolve: (result: PartResult) => void;
  reject: (error: unknown) => void;
}

interface Gathering {
  target: IngestTarget;
  bodies: Body[];
  records: number;
  bytes: number;
  /** When its senders must have heard. */
  deadline: number;
  timer: NodeJS.Timeout;
}

/** Small bodies wait so long for others, and at most for so many records or bytes. */
const GATHER_MS = 50;
const GATHER_RECORDS = 1_000;
const GATHER_BYTES = 4 * 1024 * 1024;
/** A sender hears within this whether its records are stored (requirements: the door answers within 4 s). */
const ANSWER_MS = 4_000;
/** Bodies that may wait for their records to be stored, in inflated bytes; beyond that the door is busy. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
const SPLIT_CHUNK = 1024 * 1024;
/** What fits into a document of the ledger beside its other fields. */
const MAX_PAYLOAD_BYTES = 15 * 1024 * 1024;

const gzipAsync = promisify(gzip);

/** Takes records that are pushed: into the ledger, and answers when they are stored. */
export class IngestGate {
  private readonly gathering = new Map<string, Gathering>();
  private waitingBytes = 0;

  constructor(private readonly parts: IngestGateParts) {}

  /**
   * Stores the records of a JSON text `{"Records":[...]}`.
   * @throws Invalid where the text is none, Unavailable where it can't be stored in time: sending it again is safe
   */
  async submit(target: IngestTarget, text: Buffer): Promise<PartResult> {
    if (this.waitingBytes + text.length > MAX_WAITING_BYTES) {
      throw new Unavailable('The door is busy: too many records wait to be stored. Send them again.', 1);
    }
    this.waitingBytes += text.length;
    try {
      const records = await split(text);
      return await new Promise<PartResult>((resolve, reject) => {
        this.gather(target, { records, bytes: text.length, resolve, reject });
      });
    } finally {
      this.waitingBytes -= text.length;
    }
  }

  private gather(target: IngestTarget, body: Body): void {
    const there = this.gathering.get(target.sourceId);
    if (there && there.bytes + body.bytes > GATHER_BYTES) this.flush(there);
    let into = this.gathering.get(target.sourceId);
    if (!into) {
      const fresh: Gathering = {
        target,
        bodies: [],
        records: 0,
        bytes: 0,
        deadline: Date.now() + ANSWER_MS,
        timer: setTimeout(() => this.flush(fresh), GATHER_MS),
      };
      into = fresh;
      this.gathering.set(target.sourceId, fresh);
    }
    into.bodies.push(body);
    into.records += body.records.length;
    into.bytes += body.bytes;
    if (into.records >= GATHER_RECORDS || into.bytes >= GATHER_BYTES) this.flush(into);
  }

  private flush(gathering: Gathering): void {
    clearTimeout(gathering.timer);
    if (this.gathering.get(gathering.target.sourceId) === gathering)
      this.gathering.delete(gathering.target.sourceId);
    void this.store(gathering).catch((error: unknown) => {
      for (const body of gathering.bodies) body.reject(error);
    });
  }

  private async store({ target, bodies, deadline }: Gathering): Promise<void> {
    const id = `push_${randomUUID().replaceAll('-', '')}`;
    const payload = await gzipAsync(joined(bodies), { level: 1 });
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new Invalid('The records are too many for one body, even compressed: send them in several.');
    }
    const at = new Date().toISOString();
    const parts = bodies.map((body) => body.records.length);
    await this.add({
      _id: id,
      sourceId: target.sourceId,
      sourceKind: target.kind,
      reference: `pushed ${at}`,
      payload,
      parts,
    });
    const batch = await this.parts.settlements.settled(id, deadline - Date.now());
    if (batch.state !== 'DONE')
      throw new Unavailable(`The records were not stored: ${batch.error ?? batch.state}`);
    for (const [index, body] of bodies.entries()) {
      const result = batch.partResults?.[index];
      if (result) body.resolve(result);
      else body.reject(new Error('a settled batch lacks the result of a part'));
    }
  }

  private async add(batch: Parameters<BatchStore['add']>[0][number]): Promise<void> {
    try {
      await this.parts.batches.add([batch]);
    } catch (error) {
      throw new Unavailable(`The records could not be kept: ${messageOf(error)}`);
    }
    // Not waited for: a queue that is away takes seconds to say so, and workers look into the ledger themselves.
    void this.parts.hint([batch._id]);
  }
}

/** The text of each record. Yields to other work between pieces: a body may hold 64 MiB. */
async function split(text: Buffer): Promise<Buffer[]> {
  const splitter = new RecordSplitter();
  const records: Buffer[] = [];
  try {
    for (let at = 0; at < text.length; at += SPLIT_CHUNK) {
      for (const { start, length } of splitter.push(text.subarray(at, at + SPLIT_CHUNK))) {
        records.push(text.subarray(start, start + length)); // Whole, also where it is too long to be kept.
      }
      if (text.length > SPLIT_CHUNK) await new Promise((resolve) => setImmediate(resolve));
    }
    splitter.end();
  } catch (error) {
    if (error instanceof NotATrailFile) throw new Invalid(`Expected {"Records":[...]}: ${error.message}.`);
    throw error;
  }
  return records;
}

function joined(bodies: Body[]): Buffer {
  const pieces: Buffer[] = [Buffer.from('{"Records":[')];
  const comma = Buffer.from(',');
  for (const record of bodies.flatMap((body) => body.records)) pieces.push(record, comma);
  if (pieces.length > 1) pieces.pop();
  pieces.push(Buffer.from(']}'));
  return Buffer.concat(pieces);
}
