import { MAX_RECORD_BYTES, NotATrailFile, type RawRecord } from '../../domain/records/splitter';
import { CommandFailure, EXIT, type ExitCode } from '../failure';
import { type Body, BodyPacker, originOf } from './body-packer';
import { recordsOf } from './file-records';
import type { Door } from './find-door';
import { type Progress, showProgress } from './progress';
import { PushClient } from './push-client';
import { emptySummary, type Summary, summaryLine } from './summary';
import { fileFault, findTrailFiles, type TrailFile } from './trail-files';

export interface IngestOptions {
  paths: string[];
  door: Door;
  json: boolean;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  stopped: AbortSignal;
}

/** The server stores some slices at once; more requests only wait there. */
const REQUESTS_AT_A_TIME = 4;
const STOPPING = 'trailgraph: stopping after what is under way; once more stops at once\n';
/** Rejected records that are named; the rest is counted. */
const MAX_REJECTIONS_TOLD = 20;

/**
 * Sends files to the server and says what became of them: faults on standard error, one summary on standard output.
 * @returns 1 where a file failed or the user stopped it
 * @throws CommandFailure where there is no server, or it refuses
 */
export async function ingest(options: IngestOptions): Promise<ExitCode> {
  const { door, stderr, stdout, stopped } = options;
  const found = await findTrailFiles(options.paths);
  const bytes = found.files.reduce((sum, file) => sum + file.size, 0);
  const progress = showProgress(stderr, bytes, found.files.length);
  const run = new IngestRun(door, progress, stopped);
  run.summary.failed.push(...found.faults);
  run.summary.skipped = found.skipped;
  stopped.addEventListener('abort', () => stderr.write(STOPPING), { once: true });
  const began = performance.now();
  let failure: CommandFailure | null = null;
  try {
    await run.sendAll(found.files);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    failure = error;
  } finally {
    progress.stop();
  }
  const { summary } = run;
  summary.seconds = Math.round(performance.now() - began) / 1_000;
  summary.eventsPerSecond = Math.round(summary.received / Math.max(summary.seconds, 0.001));
  for (const { file, reason } of summary.failed) stderr.write(`trailgraph: ${file}: ${reason}\n`);
  for (const line of run.rejections()) stderr.write(`trailgraph: ${line}\n`);
  // Where nothing was sent, the failure says all there is to say.
  if (failure && summary.received === 0) throw failure;
  stdout.write(options.json ? `${JSON.stringify(summary)}\n` : summaryLine(summary));
  if (failure) throw failure;
  return summary.failed.length > 0 || summary.stopped ? EXIT.incomplete : EXIT.done;
}

/** One run over files: reads them one after another, and sends what they hold, some bodies at once. */
class IngestRun {
  readonly summary: Summary;
  private readonly client: PushClient;
  private readonly packer = new BodyPacker();
  private readonly inFlight = new Set<Promise<void>>();
  private readonly rejected: string[] = [];
  private rejectedByServer = 0;
  private failure: unknown = null;

  constructor(
    door: Door,
    private readonly progress: Progress,
    private readonly stopped: AbortSignal,
  ) {
    this.summary = emptySummary(door.source);
    this.client = new PushClient(door, stopped);
  }

  /** @throws the first failure to send, after all that was under way has ended */
  async sendAll(files: TrailFile[]): Promise<void> {
    try {
      for (const file of files) {
        if (this.stopped.aborted) break;
        await this.readFile(file.path);
      }
      if (!this.stopped.aborted) await this.send(this.packer.take());
    } finally {
      await Promise.all(this.inFlight);
      this.summary.stopped = this.stopped.aborted;
    }
    if (this.failure) throw this.failure;
  }

  /** The first rejected records by file and place, and how many more there are. */
  rejections(): string[] {
    const more = this.rejectedByServer - this.rejected.length;
    return more > 0 ? [...this.rejected, `${more} more records were rejected`] : this.rejected;
  }

  private async readFile(path: string): Promise<void> {
    let index = 0;
    try {
      for await (const records of recordsOf(path, (bytes) => this.progress.read(bytes))) {
        for (const record of records) await this.add(path, index++, record);
        if (this.stopped.aborted) return;
      }
      this.summary.files++;
    } catch (error) {
      if (!isFileError(error)) throw error;
      const reason = error instanceof NotATrailFile ? `not a trail file: ${error.message}` : fileFault(error);
      this.summary.failed.push({ file: path, reason });
    }
  }

  private async add(file: string, index: number, record: RawRecord): Promise<void> {
    if (!record.oversized) return this.send(this.packer.add(file, index, record));
    this.summary.received++;
    this.summary.rejected++;
    this.summary.failed.push({
      file,
      reason: `record ${index} has more than ${MAX_RECORD_BYTES} bytes and was left out`,
    });
  }

  /** Waits for a free place, not for the answer. Sends nothing more once the user stopped it. */
  private async send(body: Body | null): Promise<void> {
    if (!body) return;
    while (this.inFlight.size >= REQUESTS_AT_A_TIME) await Promise.race(this.inFlight);
    if (this.failure) throw this.failure;
    if (this.stopped.aborted) return;
    const sending: Promise<void> = this.push(body)
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => this.inFlight.delete(sending));
    this.inFlight.add(sending);
  }

  private async push(body: Body): Promise<void> {
    const { rejections, resent, ...counts } = await this.client.send(body.text);
    this.summary.resent += resent;
    for (const name of ['received', 'stored', 'duplicates', 'dropped', 'rejected'] as const)
      this.summary[name] += counts[name];
    this.rejectedByServer += counts.rejected;
    for (const { index, reason } of rejections) {
      if (this.rejected.length === MAX_REJECTIONS_TOLD) break;
      const origin = originOf(body, index);
      this.rejected.push(`${origin.file}: record ${origin.index} rejected: ${reason}`);
    }
    this.progress.sent(counts.received);
  }
}

/** A fault of the file itself, which leaves the others to be sent. */
function isFileError(error: unknown): boolean {
  return error instanceof NotATrailFile || typeof (error as { syscall?: unknown }).syscall === 'string';
}
