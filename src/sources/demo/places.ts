import type { Dice } from './prng';

/** Where a person sits: a network that really is announced from there. */
export interface Place {
  /** ISO 3166-1 alpha-2. */
  country: string;
  city: string;
  /** The first three bytes of a /24. */
  v4: string;
  /** The first four groups of a /64; null where the provider of `v4` has none that is told apart by country. */
  v6: string | null;
}

/**
 * Networks of access providers, one a country. Countries and cities are those of DB-IP City Lite (June 2026), which
 * puts every address of each /24 into its country.
 */
export const PLACES: readonly Place[] = [
  { country: 'DE', city: 'Hamburg', v4: '2.162.102', v6: '2001:678:3a10:4c00' },
  { country: 'FR', city: 'Rennes', v4: '2.10.238', v6: '2a00:6fc0:3a10:4c00' },
  { country: 'GB', city: 'London', v4: '5.80.189', v6: '2a01:4c8:3a10:4c00' },
  { country: 'NL', city: 'Amersfoort', v4: '31.149.94', v6: '2001:888:3a10:4c00' },
  { country: 'SE', city: 'Stockholm', v4: '2.252.185', v6: '2001:2040:3a10:4c00' },
  { country: 'NO', city: 'Fornebu', v4: '2.149.122', v6: '2001:67c:1c40:4c00' },
  { country: 'FI', city: 'Helsinki', v4: '62.142.94', v6: '2001:671:3a10:4c00' },
  { country: 'DK', city: 'Albertslund', v4: '2.106.63', v6: '2001:6c8:3a10:4c00' },
  { country: 'PL', city: 'Warsaw', v4: '5.184.189', v6: '2a00:f40:3a10:4c00' },
  { country: 'ES', city: 'Getafe', v4: '2.140.225', v6: '2a02:9000:3a10:4c00' },
  { country: 'PT', city: 'Arganil', v4: '2.80.153', v6: '2001:8a0:3a10:4c00' },
  { country: 'IT', city: 'Milan', v4: '2.116.225', v6: '2a01:2000:3a10:4c00' },
  { country: 'CH', city: 'Zurich', v4: '46.14.156', v6: '2001:67c:8:4c00' },
  { country: 'AT', city: 'Vienna', v4: '46.207.56', v6: '2001:850:3a10:4c00' },
  { country: 'IE', city: 'Tralee', v4: '51.171.38', v6: '2001:bb0:3a10:4c00' },
  { country: 'CZ', city: 'Prague', v4: '80.188.94', v6: '2001:41d8:3a10:4c00' },
  { country: 'RO', city: 'Bacau', v4: '5.13.122', v6: '2a02:2f00:3a10:4c00' },
  { country: 'US', city: 'Oak Park', v4: '23.25.56', v6: '2001:558:3a10:4c00' },
  { country: 'CA', city: 'Mississauga', v4: '50.100.203', v6: '2001:470:1c40:4c00' },
  { country: 'BR', city: 'Sao Paulo', v4: '177.33.129', v6: '2804:14c:3a10:4c00' },
  { country: 'MX', city: 'Zacatecas', v4: '148.217.94', v6: '2001:1208:3a10:4c00' },
  { country: 'AR', city: 'Buenos Aires', v4: '24.232.156', v6: '2001:13d0:3a10:4c00' },
  { country: 'CL', city: 'Santiago', v4: '181.42.193', v6: '2800:330:3a10:4c00' },
  { country: 'JP', city: 'Osaka', v4: '58.90.245', v6: '2001:380:3a10:4c00' },
  { country: 'KR', city: 'Seoul', v4: '14.39.39', v6: '2400:0:3a10:4c00' },
  { country: 'IN', city: 'Patna', v4: '27.58.94', v6: '2401:4900:3a10:9' },
  { country: 'SG', city: 'Jurong East', v4: '121.6.189', v6: '2400:d801:3a10:4c00' },
  { country: 'AU', city: 'Sydney', v4: '1.144.102', v6: '2001:8000:3a10:4c00' },
  { country: 'NZ', city: 'Auckland', v4: '122.57.163', v6: null },
  { country: 'ZA', city: 'Cape Town', v4: '41.145.118', v6: '2c0e:2200:3a10:4c00' },
  { country: 'IL', city: 'Tel Aviv', v4: '46.117.56', v6: '2001:4df0:3a10:4c00' },
  { country: 'TR', city: 'Ankara', v4: '78.165.126', v6: '2a00:1d30:3a10:4c00' },
  { country: 'AE', city: 'Abu Dhabi', v4: '2.50.112', v6: null },
  { country: 'TW', city: 'Taipei', v4: '1.34.189', v6: '2001:b000:3a10:4c00' },
  { country: 'KE', city: 'Nairobi', v4: '41.80.110', v6: '2001:43d0:3a10:4c00' },
  { country: 'UA', city: 'Kyiv', v4: '37.54.18', v6: '2a00:70e0:3a10:4c00' },
];

/** Networks that AWS gives to EC2 in a Region (first three bytes of a /24), as its published address ranges have them. */
export const EC2_NETWORKS: Readonly<Record<string, { country: string; v4: string }>> = {
  'us-east-1': { country: 'US', v4: '3.88.144' },
  'us-west-2': { country: 'US', v4: '34.213.77' },
  'eu-west-1': { country: 'IE', v4: '34.249.18' },
  'eu-central-1': { country: 'DE', v4: '3.121.196' },
  'ap-southeast-2': { country: 'AU', v4: '13.211.84' },
};

/** A host in a place's IPv4 network. */
export function v4At(place: { v4: string }, dice: Dice): string {
  return `${place.v4}.${dice.between(1, 254)}`;
}

/** A host in a place's IPv6 network, or in its IPv4 network where it has none. */
export function v6At(place: Place, dice: Dice): string {
  if (!place.v6) return v4At(place, dice);
  // Groups of four digits that do not begin with 0 are already in their shortest form.
  const group = () => dice.between(0x1000, 0xffff).toString(16);
  return `${place.v6}:${group()}:${group()}:${group()}:${group()}`;
}
