import { formatAddress } from '../domain/address';
import { messageOf, Permanent } from '../domain/errors';
import type { AddressKind, CloudTrailRecord, Enrichment, Geo, Network } from '../domain/event';
import { actorOf } from './actor';
import { readSourceAddress } from './address-kind';
import { type AsnDatabase, openAsnFile, openRouteViewsAsn } from './asn-database';
import { type CityDatabase, openCityFile, openDbIpCity } from './city-database';
import { countryTable } from './countries';
import type { DatabaseInfo } from './database-info';
import type { EnrichmentLog } from './log';
import { outcomeOf } from './outcome';
import { Recent } from './recent';
import { WatchedFile } from './watched-file';

/** A trail's addresses repeat: with a memo this size nearly every event costs one look-up in a map (10 to 20 MB). */
const MEMO_ENTRIES = 50_000;
/** A look is one `stat`; a new monthly database may wait so long. */
const POLL_MS = 10_000;

export interface EnricherOptions {
  /** The operator's own city database (GEOIP_CITY_DB) in place of DB-IP's. */
  cityDb?: string;
  /** The operator's own ASN database (GEOIP_ASN_DB) in place of RouteViews'. */
  asnDb?: string;
  log: EnrichmentLog;
  /** How often to look whether those files have changed. */
  pollMs?: number;
}

/** Adds where and who, by the geo databases. */
export interface Enricher {
  /**
   * What TrailGraph adds to a record, and sourceIPAddress as 16 bytes (IPv4 as ::ffff:a.b.c.d) where it is a single
   * IP literal. Synchronous, never throws, whatever the record holds. `geo`, `network` and `address` are shared
   * between events of one address: not to be changed.
   */
  enrich(record: CloudTrailRecord): { enrichment: Enrichment; address: Uint8Array | null };
  /** The databases in use, for health, metrics and attribution. */
  databases(): DatabaseInfo[];
  /** Stops watching the operator's files. */
  close(): Promise<void>;
}

/** What an address alone tells. */
interface Place {
  kind: AddressKind;
  address: Uint8Array | null;
  geo: Geo | null;
  network: Network | null;
}

interface Held<T> {
  value: T;
  close?(): void;
}

/**
 * Loads the databases, about 2 s, without holding up the event loop. Throws Permanent, naming setting and path, where
 * a file of the operator's own is missing or broken.
 */
export async function createEnricher(options: EnricherOptions): Promise<Enricher> {
  const countries = countryTable();
  const memo = new Recent<Place>(MEMO_ENTRIES);
  const watch = { onChange: () => memo.clear(), pollMs: options.pollMs ?? POLL_MS, log: options.log };
  const city: Held<CityDatabase> = options.cityDb
    ? await openOwn('GEOIP_CITY_DB', options.cityDb, {
        ...watch,
        load: (path, signal) => openCityFile(path, countries, options.log, signal),
      })
    : { value: await openDbIpCity(countries, options.log) };
  try {
    const asn: Held<AsnDatabase> = options.asnDb
      ? await openOwn('GEOIP_ASN_DB', options.asnDb, {
          ...watch,
          load: (path, signal) => openAsnFile(path, options.log, signal),
        })
      : { value: await openRouteViewsAsn() };
    return enricherOf(city, asn, memo);
  } catch (error) {
    city.close?.();
    throw error;
  }
}

async function openOwn<T>(
  setting: string,
  path: string,
  options: Parameters<typeof WatchedFile.open<T>>[1],
): Promise<WatchedFile<T>> {
  try {
    return await WatchedFile.open(path, options);
  } catch (cause) {
    throw new Permanent(`${setting}=${path} can't be used: ${messageOf(cause)}`, {
      cause,
      remedy: `Point ${setting} to a readable .mmdb file, or leave it out for the database that comes with TrailGraph.`,
    });
  }
}

function enricherOf(city: Held<CityDatabase>, asn: Held<AsnDatabase>, memo: Recent<Place>): Enricher {
  const placeOf = (value: unknown): Place => {
    const known = typeof value === 'string' ? memo.get(value) : undefined;
    if (known) return known;
    const { kind, address } = readSourceAddress(value);
    const place: Place = { kind, address, geo: null, network: null };
    if (address && kind === 'PUBLIC') {
      const text = formatAddress(address);
      place.geo = city.value.locate(text);
      place.network = asn.value.network(address, text);
    }
    // Only literals, which are short: any other text is hostile at worst, and quickly told.
    if (address && typeof value === 'string') memo.set(value, place);
    return place;
  };
  return {
    enrich(record) {
      const { kind, address, geo, network } = placeOf(record.sourceIPAddress);
      const enrichment = {
        addressKind: kind,
        geo,
        network,
        actor: actorOf(record),
        outcome: outcomeOf(record),
      };
      return { enrichment, address };
    },
    databases: () => [city.value.info, asn.value.info],
    async close() {
      city.close?.();
      asn.close?.();
    },
  };
}
