import { readFile } from 'node:fs/promises';
import { isIPv4 } from '../domain/address';
import type { Network } from '../domain/event';
import { AsnTable } from './asn-table';
import { attributionOf, type DatabaseInfo } from './database-info';
import { asNumber, asObject, asText } from './fields';
import type { EnrichmentLog } from './log';
import { openMmdb, type Row } from './mmdb';

const ASN_V4 = '@ip-location-db/asn/asn-ipv4.csv';
const ASN_V6 = '@ip-location-db/asn/asn-ipv6.csv';
const ASN_PACKAGE = '@ip-location-db/asn/package.json';
const ASN_ATTRIBUTION =
  'ASN data by RouteViews (https://www.routeviews.org), DB-IP (https://db-ip.com) and NRO (https://www.nro.net), CC BY 4.0';

/** Whose network an address is in. */
export interface AsnDatabase {
  info: DatabaseInfo;
  /** The address as bytes and as canonical text; null for a miss. Never throws. */
  network(bytes: Uint8Array, address: string): Network | null;
}

const ASN = {
  name: 'network (ASN)',
  accepts: (type: string, row: Row | null) =>
    /asn|isp/i.test(type) || typeof row?.autonomous_system_number === 'number',
};

/** The table of ip-location-db as npm installed it; about a second, in steps of a few milliseconds. */
export async function openRouteViewsAsn(): Promise<AsnDatabase> {
  const v4 = await AsnTable.read(require.resolve(ASN_V4), 1);
  const v6 = await AsnTable.read(require.resolve(ASN_V6), 4);
  const builtAt = await builtAtOfPackage();
  return {
    info: { name: 'RouteViews and DB-IP ASN', builtAt, attribution: ASN_ATTRIBUTION },
    network: (bytes) => (isIPv4(bytes) ? v4 : v6).find(bytes),
  };
}

/** An ASN database of the operator's own in MaxMind's layout; throws as openMmdb does. */
export async function openAsnFile(
  path: string,
  log: EnrichmentLog,
  signal?: AbortSignal,
): Promise<AsnDatabase> {
  const db = await openMmdb(path, ASN, log, signal);
  return {
    info: { name: db.type, builtAt: db.builtAt, attribution: attributionOf(db.type) },
    network: (_bytes, address) => networkOf(db.lookup(address)),
  };
}

function networkOf(row: Row | null): Network | null {
  const asn = asNumber(row?.autonomous_system_number);
  const organization = asText(row?.autonomous_system_organization);
  return asn === null && organization === null ? null : Object.freeze({ asn, organization });
}

/** The package's version ends with the UTC hour of its making: 2.3.2026061719 is of 2026-06-17, 19:00. */
async function builtAtOfPackage(): Promise<Date | null> {
  const manifest: unknown = JSON.parse(await readFile(require.resolve(ASN_PACKAGE), 'utf8'));
  const hour = /\.(\d{4})(\d\d)(\d\d)(\d\d)$/.exec(asText(asObject(manifest)?.version) ?? '');
  return hour ? new Date(`${hour[1]}-${hour[2]}-${hour[3]}T${hour[4]}:00:00Z`) : null;
}
