import { readFile, stat } from 'node:fs/promises';
import { Reader } from 'maxmind';
import { Permanent } from '../domain/errors';
import { asObject } from './fields';
import type { EnrichmentLog } from './log';

/** GeoIP2 Enterprise, the largest of its kind, has about 400 MB. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
const READ_DEADLINE_MS = 60_000;

/** Addresses that any database of the whole Internet knows, and two that MaxMind's small test databases hold. */
const PROBES = ['8.8.8.8', '1.1.1.1', '193.0.6.139', '81.2.69.142', '89.160.20.112', '2001:4860:4860::8888'];

export type Row = Record<string, unknown>;

/** A database in MaxMind's format, in memory. */
export interface Mmdb {
  /** The database's own name for its kind, e.g. `GeoLite2-City`. */
  type: string;
  builtAt: Date | null;
  /** The row of a canonical IPv4 or IPv6 literal; null for a miss, a database without that family, or a broken row. */
  lookup(address: string): Row | null;
}

/**
 * Reads and checks a database. Throws what `fs` throws where the file can't be read (within 60 s), and Permanent
 * where it is not an mmdb file, or neither its type nor a row of it (where a probe hits one) is what `accepts` wants.
 */
export async function openMmdb(
  path: string,
  kind: { name: string; accepts(type: string, row: Row | null): boolean },
  log: EnrichmentLog,
  signal?: AbortSignal,
): Promise<Mmdb> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new Permanent(`${path} is over 1 GiB, which no ${kind.name} database is`);
  const deadline = AbortSignal.timeout(READ_DEADLINE_MS);
  const bytes = await readFile(path, { signal: signal ? AbortSignal.any([signal, deadline]) : deadline });
  const db = wrap(parse(path, bytes), path, log);
  const probe = PROBES.map((address) => db.lookup(address)).find((row) => row !== null) ?? null;
  if (!kind.accepts(db.type, probe)) {
    throw new Permanent(`${path} is not a ${kind.name} database: it says it is '${db.type}'`);
  }
  return db;
}

function parse(path: string, bytes: Buffer): Reader<never> {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw new Permanent(`${path} is compressed; unpack it first`);
  try {
    return new Reader<never>(bytes);
  } catch (cause) {
    throw new Permanent(`${path} is not a readable mmdb database`, { cause });
  }
}

function wrap(reader: Reader<never>, path: string, log: EnrichmentLog): Mmdb {
  const { databaseType, buildEpoch, ipVersion } = reader.metadata;
  let warned = false;
  return {
    type: String(databaseType),
    builtAt: Number.isNaN(buildEpoch.getTime()) ? null : buildEpoch,
    lookup(address) {
      // Asked for an IPv6 address, a database of IPv4 answers with a wrong row.
      if (ipVersion === 4 && address.includes(':')) return null;
      try {
        return asObject(reader.get(address)) ?? null;
      } catch (error) {
        if (!warned)
          log.warn(
            { path, address, err: error },
            'geo database has a broken row; such addresses stay unknown',
          );
        warned = true;
        return null;
      }
    },
  };
}
