import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../domain/errors';
import {
  BackfillDocument,
  type BackfillPartsFragment,
  CancelBackfillDocument,
  PauseBackfillDocument,
  ResumeBackfillDocument,
  StartBackfillDocument,
} from '../../generated/graphql';
import { type ApiClient, NoAnswer } from '../api-client';
import { CommandFailure, EXIT, type ExitCode } from '../failure';
import { showProgress, summaryLine } from './progress';

/** What is asked for: one of these. */
export type BackfillOrder =
  | { start: { sourceId: string; from: string; to: string; deliver: boolean } }
  | { resume: string }
  | { pause: string }
  | { cancel: string };

export interface BackfillOptions {
  order: BackfillOrder;
  api: ApiClient;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  stopped: AbortSignal;
}

const LOOK_EVERY_MS = 1_000;
/** A server that restarts is away for some seconds. */
const GIVE_UP_AFTER_MS = 60_000;

/**
 * Starts or resumes a backfill and shows it until it has ended, or the user leaves it running; or pauses or cancels one.
 * @returns 1 where it failed or was cancelled, or the user left
 * @throws CommandFailure where there is no server, or it refuses
 */
export async function backfill({ order, api, stdout, stderr, stopped }: BackfillOptions): Promise<ExitCode> {
  const begun = await give(api, order);
  if ('pause' in order || 'cancel' in order) {
    stdout.write(summaryLine(begun));
    return EXIT.done;
  }
  const progress = showProgress(stderr);
  let last: BackfillPartsFragment;
  try {
    last = await watch(api, begun, { stopped, show: progress.show });
  } finally {
    progress.stop();
  }
  stdout.write(summaryLine(last));
  if (last.state === 'RUNNING' || last.state === 'PAUSED') {
    const { id } = last;
    const goes = last.state === 'RUNNING' ? 'It goes on at the server' : 'It waits at the server';
    stderr.write(
      `trailgraph: ${goes}: \`trailgraph backfill --resume ${id}\` shows it again, --pause and --cancel stop it.\n`,
    );
  }
  return last.state === 'DONE' ? EXIT.done : EXIT.incomplete;
}

async function give(api: ApiClient, order: BackfillOrder): Promise<BackfillPartsFragment> {
  if ('start' in order) return (await api.run(StartBackfillDocument, { input: order.start })).startBackfill;
  if ('resume' in order) return (await api.run(ResumeBackfillDocument, { id: order.resume })).resumeBackfill;
  if ('pause' in order) return (await api.run(PauseBackfillDocument, { id: order.pause })).pauseBackfill;
  return (await api.run(CancelBackfillDocument, { id: order.cancel })).cancelBackfill;
}

/** Until it is no longer running, or the user has seen enough. */
async function watch(
  api: ApiClient,
  begun: BackfillPartsFragment,
  { stopped, show }: { stopped: AbortSignal; show: (backfill: BackfillPartsFragment) => void },
): Promise<BackfillPartsFragment> {
  let last = begun;
  let lastAnswer = Date.now();
  while (last.state === 'RUNNING' && !stopped.aborted) {
    show(last);
    await delay(LOOK_EVERY_MS, undefined, { signal: stopped }).catch(() => undefined); // The user leaves.
    try {
      const { backfill: now } = await api.run(BackfillDocument, { id: last.id });
      if (!now) throw new CommandFailure(`There is no backfill ${last.id} any more.`, EXIT.incomplete);
      last = now;
      lastAnswer = Date.now();
    } catch (error) {
      if (error instanceof NoAnswer && Date.now() - lastAnswer < GIVE_UP_AFTER_MS) continue;
      throw new CommandFailure(
        `${messageOf(error)} The backfill goes on: \`trailgraph backfill --resume ${last.id}\` shows it again.`,
        EXIT.incomplete,
      );
    }
  }
  show(last);
  return last;
}
