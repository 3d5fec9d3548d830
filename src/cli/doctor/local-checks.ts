import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Reading } from '../../config/environment';
import type { Settings } from '../../config/settings';
import { compareVersions } from '../../embedded/program-version';
import type { DatabaseInfo } from '../../enrichment/database-info';
import { createEnricher } from '../../enrichment/enricher';
import { type Check, fail, look, pass, warn } from './check';

/** `engines` of package.json: the first Node 20 in which CommonJS may require an ES module. */
const OLDEST_NODE = '20.19';
/** mongod builds no index with less than 500 MB free (indexBuildMinAvailableDiskSpaceMB). */
const LEAST_FREE_BYTES = 500 * 1024 * 1024;
const SCARCE_SHARE = 0.1;
/** City data is published each month; addresses that moved since are told wrong. */
const OLD_DAYS = 180;
const DAY_MS = 24 * 3_600_000;

const QUIET = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export function checkNode(version: string): Check {
  return compareVersions(version, OLDEST_NODE) >= 0
    ? pass('node', version)
    : fail('node', `${version} is older than ${OLDEST_NODE}`, `Install Node ${OLDEST_NODE} or newer.`);
}

/** Each fault by itself, and each name that does nothing. */
export function checkSettings({ faults, unknown, given }: Reading<Settings>): Check[] {
  const idle = unknown.filter(({ meant }) => meant === null);
  const found = [
    ...faults.map((fault) =>
      fail('settings', fault, 'See docs/configuration.md; `trailgraph config` shows what is in force.'),
    ),
    ...idle.map(({ name }) =>
      warn(
        'settings',
        `${name} is no setting: it does nothing`,
        'Take it away, or see docs/configuration.md for what was meant.',
      ),
    ),
  ];
  return found.length > 0 ? found : [pass('settings', `${Object.keys(given).length} set, all of them right`)];
}

/** Free space under DATA_DIR. */
export async function checkDataDir(dataDir: string): Promise<Check> {
  return look('disk', 'Point DATA_DIR to a folder that can be read and written.', async () => {
    const { bavail, blocks, bsize } = await statfs(dataDir).catch((error: { code?: unknown }) => {
      if (error.code === 'ENOENT') return statfs(dirname(resolve(dataDir))); // Made at the first start.
      throw error;
    });
    return judgeDisk(bavail * bsize, blocks * bsize, `DATA_DIR ${dataDir}`);
  });
}

/** @param place whose disk it is */
export function judgeDisk(freeBytes: number, totalBytes: number, place: string): Check {
  const share = totalBytes > 0 ? freeBytes / totalBytes : 0;
  const message = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB (${Math.floor(share * 100)} %) are free for ${place}`;
  const remedy = 'Make room, enlarge the disk, or lower RETENTION_DAYS.';
  if (freeBytes < LEAST_FREE_BYTES) return fail('disk', message, remedy);
  return share < SCARCE_SHARE ? warn('disk', message, remedy) : pass('disk', message);
}

/** Loads the geo data as a worker does, and looks how old it is. */
export async function checkGeoData(settings: Partial<Settings>, now: Date): Promise<Check[]> {
  const { GEOIP_CITY_DB: cityDb, GEOIP_ASN_DB: asnDb } = settings;
  try {
    const enricher = await createEnricher({
      ...(cityDb ? { cityDb } : {}),
      ...(asnDb ? { asnDb } : {}),
      log: QUIET,
    });
    const [city, asn] = enricher.databases();
    await enricher.close();
    return [
      ...(city ? [judgeGeoData(city, 'GEOIP_CITY_DB', now)] : []),
      ...(asn ? [judgeGeoData(asn, 'GEOIP_ASN_DB', now)] : []),
    ];
  } catch (error) {
    const remedy = 'Point GEOIP_CITY_DB and GEOIP_ASN_DB to readable .mmdb files, or leave them out.';
    return [await look('geo data', remedy, () => Promise.reject(error))];
  }
}

export function judgeGeoData({ name, builtAt }: DatabaseInfo, setting: string, now: Date): Check {
  const remedy = `Update TrailGraph, or point ${setting} to a newer .mmdb file.`;
  if (!builtAt) return warn('geo data', `${name} does not say how old it is`, remedy);
  const days = Math.floor((now.getTime() - builtAt.getTime()) / DAY_MS);
  const message = `${name} is of ${builtAt.toISOString().slice(0, 10)}, ${days} days old`;
  return days > OLD_DAYS ? warn('geo data', message, remedy) : pass('geo data', message);
}
