import { QuarantineDocument, QuarantinedRecordDocument, type QuarantineQuery } from '../../generated/graphql';
import type { ApiClient } from '../api-client';
import { CommandFailure, EXIT } from '../failure';

export type Entry = QuarantineQuery['quarantine']['nodes'][number];

export interface ListOptions {
  source: string | null;
  limit: number;
  json: boolean;
  print: (text: string) => void;
}

/** The most that the API gives at a time. */
const PAGE = 200;

/** Prints what is in quarantine, one a line. @throws CommandFailure */
export async function listQuarantine(
  api: ApiClient,
  { source, limit, json, print }: ListOptions,
): Promise<void> {
  let left = limit;
  for await (const { nodes, totalCount } of quarantinePages(api, source)) {
    for (const entry of nodes.slice(0, left)) print(json ? `${JSON.stringify(entry)}\n` : line(entry));
    left -= nodes.length;
    if (left > 0) continue;
    if (!json && totalCount > limit) print(`(the newest ${limit} of ${totalCount}: see --limit)\n`);
    return;
  }
  if (left === limit && !json) print('Nothing is in quarantine.\n');
}

/** Prints one record with its text. @throws CommandFailure where there is none of that id */
export async function showQuarantined(
  api: ApiClient,
  id: string,
  print: (text: string) => void,
): Promise<void> {
  const { quarantinedRecord: found } = await api.run(QuarantinedRecordDocument, { id });
  if (!found) throw new CommandFailure(`There is no quarantined record ${id}.`, EXIT.incomplete);
  const { sourceId, batchId, position, reason, createdAt, text } = found;
  print(
    `id       ${id}\nsource   ${sourceId}\nbatch    ${batchId}, record ${position}\nsince    ${createdAt}\nreason   ${printable(reason)}\n\n${printable(text)}\n`,
  );
}

/** All pages, newest first. */
export function quarantinePages(
  api: ApiClient,
  sourceId: string | null,
): AsyncGenerator<QuarantineQuery['quarantine']> {
  return api.pages(QuarantineDocument, { first: PAGE, sourceId }, ({ quarantine }) => quarantine);
}

function line({ id, sourceId, createdAt, reason }: Entry): string {
  return `${createdAt}  ${sourceId}  ${id}  ${printable(reason)}\n`;
}

/** Strangers wrote it: nothing of it may steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    character === '\n' || character === '\t'
      ? character
      : `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}
