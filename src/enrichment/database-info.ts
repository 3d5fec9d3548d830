/** What to show of a database that is in use. */
export interface DatabaseInfo {
  name: string;
  builtAt: Date | null;
  /** The line that its licence wants shown; empty where it wants none. */
  attribution: string;
}

export const DBIP_ATTRIBUTION = 'IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0';

const GEOLITE_ATTRIBUTION =
  'This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com';

/** The attribution of an operator's own file, by the type that it gives itself. */
export function attributionOf(type: string): string {
  if (/^geolite/i.test(type)) return GEOLITE_ATTRIBUTION;
  return /^db-?ip/i.test(type) ? DBIP_ATTRIBUTION : '';
}
