import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Forbidden, Invalid, messageOf, PersistedQueryFault } from '../domain/errors';

export type PersistedMode = 'off' | 'allow' | 'only';

/** The parts of a request that say which document is to run. */
export interface AskedDocument {
  query?: unknown;
  documentId?: unknown;
  id?: unknown;
  extensions?: unknown;
}

const MANIFEST = z.record(z.string(), z.string());

/** The documents that are known by their SHA-256 (trusted documents), and whether others may run. */
export class PersistedOperations {
  static readonly NONE = new PersistedOperations('off', new Map());

  constructor(
    private readonly mode: PersistedMode,
    private readonly documents: ReadonlyMap<string, string>,
  ) {}

  /**
   * Reads a manifest, a JSON object of documents by the SHA-256 of their text: as `trailgraph operations` writes one.
   * @throws Invalid naming the file and what is wrong with it
   */
  static read(mode: PersistedMode, file: string): PersistedOperations {
    const documents = manifestIn(file);
    for (const [id, text] of documents)
      if (sha256(text) !== id)
        throw new Invalid(
          `PERSISTED_OPERATIONS_FILE ${file}: the document under ${id} has another SHA-256: write the manifest anew.`,
        );
    return new PersistedOperations(mode, documents);
  }

  /**
   * The text of the document that is to run; undefined where the request names none.
   * @throws PersistedQueryFault where it is named by an id that is not in the manifest, or there is no manifest
   * @throws Forbidden where only persisted documents run and this is none
   * @throws Invalid where id and text contradict each other
   */
  textOf(asked: AskedDocument): string | undefined {
    const text = typeof asked.query === 'string' && asked.query !== '' ? asked.query : undefined;
    const id = idOf(asked);
    if (id === undefined) return this.permitted(text);
    if (this.mode === 'off') {
      if (text !== undefined) return text;
      throw new PersistedQueryFault(
        'Documents are not known by ids here: send the text as `query`, or set PERSISTED_OPERATIONS=allow.',
        'PERSISTED_QUERY_NOT_SUPPORTED',
      );
    }
    const known = this.documents.get(id);
    if (text !== undefined && sha256(text) !== id)
      throw new Invalid('The id is not the SHA-256 of the document that came along: send one of both.');
    if (known !== undefined) return known;
    if (text !== undefined) return this.permitted(text);
    throw new PersistedQueryFault(
      'No document of this id is in the manifest of the server (PERSISTED_OPERATIONS_FILE).',
      'PERSISTED_QUERY_NOT_FOUND',
    );
  }

  private permitted(text: string | undefined): string | undefined {
    if (this.mode !== 'only' || text === undefined || this.documents.has(sha256(text))) return text;
    throw new Forbidden(
      'Only the documents in the manifest of the server run here (PERSISTED_OPERATIONS=only): name one by its SHA-256 as `documentId`.',
    );
  }
}

function idOf({ documentId, id, extensions }: AskedDocument): string | undefined {
  const persisted = (extensions as { persistedQuery?: { sha256Hash?: unknown } } | null | undefined)
    ?.persistedQuery;
  for (const given of [persisted?.sha256Hash, documentId, id])
    if (typeof given === 'string' && given !== '') return given.replace(/^sha256:/, '').toLowerCase();
  return undefined;
}

function manifestIn(file: string): Map<string, string> {
  try {
    return new Map(Object.entries(MANIFEST.parse(JSON.parse(readFileSync(file, 'utf8')))));
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? error.issues
            .slice(0, 3)
            .map(({ path, message }) => `${path.join('.') || 'it'} ${message}`)
            .join('; ')
        : messageOf(error, 200);
    throw new Invalid(`PERSISTED_OPERATIONS_FILE ${file} is not a manifest: ${why}`);
  }
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
