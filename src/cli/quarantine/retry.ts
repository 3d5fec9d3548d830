import { RetryBatchDocument, RetryQuarantinedDocument } from '../../generated/graphql';
import type { ApiClient } from '../api-client';
import { CommandFailure, EXIT, type ExitCode } from '../failure';
import { printable, quarantinePages } from './list';

export interface RetryOptions {
  ids: string[];
  all: boolean;
  source: string | null;
  print: (text: string) => void;
  complain: (text: string) => void;
}

/** As many as one request may name; of the largest, a request of this many may take a while. */
const IDS_AT_A_TIME = 200;

/**
 * Tries records of the quarantine again and says what became of them.
 * @returns 1 where some were rejected once more
 * @throws CommandFailure
 */
export async function retryQuarantined(
  connect: () => Promise<ApiClient>,
  { ids, all, source, print, complain }: RetryOptions,
): Promise<ExitCode> {
  if (all === ids.length > 0) throw new CommandFailure('Name records by their ids, or say --all.');
  if (source !== null && !all) throw new CommandFailure('--source goes with --all.');
  const api = await connect();
  const sum = { received: 0, stored: 0, duplicates: 0, dropped: 0, rejected: 0 };
  for await (const some of all ? allIds(api, source) : inTurn(ids)) {
    const { retryQuarantined: result } = await api.run(RetryQuarantinedDocument, { ids: some });
    for (const name of ['received', 'stored', 'duplicates', 'dropped'] as const) sum[name] += result[name];
    sum.rejected += result.rejected.length;
    for (const { index, reason } of result.rejected)
      complain(`trailgraph: ${some[index]}: ${printable(reason)}\n`);
  }
  print(
    `${sum.received} tried again: ${sum.stored} stored, ${sum.duplicates} duplicates, ${sum.dropped} dropped, ${sum.rejected} rejected\n`,
  );
  return sum.rejected > 0 ? EXIT.incomplete : EXIT.done;
}

/** @throws CommandFailure where it is none that can be tried again */
export async function retryBatch(api: ApiClient, id: string, print: (text: string) => void): Promise<void> {
  const { retryBatch: batch } = await api.run(RetryBatchDocument, { id });
  print(`${batch.id} is tried again: ${printable(batch.reference)}\n`);
}

/** Pages are read by what comes after them, so what a retry takes away moves none of them. */
async function* allIds(api: ApiClient, source: string | null): AsyncGenerator<string[]> {
  for await (const { nodes } of quarantinePages(api, source)) {
    if (nodes.length > 0) yield nodes.map(({ id }) => id);
  }
}

async function* inTurn(ids: string[]): AsyncGenerator<string[]> {
  for (let at = 0; at < ids.length; at += IDS_AT_A_TIME) yield ids.slice(at, at + IDS_AT_A_TIME);
}
