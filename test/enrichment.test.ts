import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { formatAddress, parseAddress } from '../src/domain/address';
import { Permanent } from '../src/domain/errors';
import type { Actor, AddressKind, CloudTrailRecord, Outcome } from '../src/domain/event';
import { AsnTable } from '../src/enrichment/asn-table';
import { countryTable } from '../src/enrichment/countries';
import { createEnricher, type Enricher } from '../src/enrichment/enricher';
import { Recent } from '../src/enrichment/recent';
import { eventually } from './support/eventually';
import { type MmdbValue, writeMmdb } from './support/mmdb-writer';

const silent = { info: () => undefined, warn: () => undefined };
let folder: string;
let enricher: Enricher;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trailgraph-enrichment-'));
  enricher = await createEnricher({ log: silent });
});
afterAll(async () => {
  await enricher?.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = (sourceIPAddress: unknown, using = enricher) => using.enrich({ sourceIPAddress });
const actor = (record: CloudTrailRecord): Actor => enricher.enrich(record).enrichment.actor;

describe('address kind', () => {
  const kinds: [AddressKind, unknown[]][] = [
    [
      'PUBLIC',
      ['8.8.8.8', '205.251.233.176', '1.0.0.0', '172.32.0.1', '100.128.0.1', '192.0.0.9', '192.31.196.1'],
    ],
    ['PUBLIC', ['2001:4860:4860::8888', '2A00:1450::1', '::ffff:8.8.8.8', '::FFFF:808:808', '2001:4:112::1']],
    [
      'PRIVATE',
      ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.10.20', '100.64.0.1', '100.127.255.255'],
    ],
    [
      'PRIVATE',
      ['127.0.0.1', '169.254.169.254', '0.0.0.0', '0.1.2.3', '192.0.0.8', '192.0.2.1', '198.51.100.7'],
    ],
    ['PRIVATE', ['203.0.113.9', '198.18.0.1', '198.19.255.255', '224.0.0.1', '239.1.1.1', '240.0.0.1']],
    ['PRIVATE', ['255.255.255.255', '::', '::1', 'fe80::1', 'fc00::1', 'fdff::1', 'ff02::1', '2001:db8::1']],
    ['PRIVATE', ['3fff::1', '100::1', '64:ff9b:1::1', '2001:2::1', '5f00::1', 'fec0::1', '4000::1']],
    ['PRIVATE', ['::ffff:10.0.0.1', '::ffff:127.0.0.1']],
    ['AWS_SERVICE', ['cloudformation.amazonaws.com', 'ec2.amazonaws.com.cn', 'inspector2.amazonaws.com']],
    ['AWS_SERVICE', ['s3.eu-west-1.amazonaws.com', 'Signin.AmazonAWS.com']],
    ['AWS_INTERNAL', ['AWS Internal', 'AWS Internal/10.0.0.1', 'AWS Internal#health']],
    [
      'UNKNOWN',
      ['10.0.0.1, 8.8.8.8', '8.8.8.8, 1.1.1.1', 'XXXX', '-', '***', '06.237.252.245', '', ' ', '8.8.8.8 '],
    ],
    ['UNKNOWN', [null, undefined, 5, true, {}, [], ['8.8.8.8'], { '8.8.8.8': 1 }, 'AWS Internalx', 'aws']],
    ['UNKNOWN', ['1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.4:443', '0x7f.0.0.1', '2130706433', '1.2.3.4/32']],
    [
      'UNKNOWN',
      ['fe80::1%eth0', '[::1]', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '::g'],
    ],
    [
      'UNKNOWN',
      ['amazonaws.com', '.amazonaws.com', 'a..amazonaws.com', '*.amazonaws.com', 'ec2.amazonaws.com.evil'],
    ],
    [
      'UNKNOWN',
      ['evilamazonaws.com', `${'a'.repeat(300)}.amazonaws.com`, 'a b.amazonaws.com', 'x'.repeat(200_000)],
    ],
  ];
  const cases = kinds.flatMap(([kind, values]) =>
    values.map((value) => ({ kind, value, text: String(JSON.stringify(value)).slice(0, 60) })),
  );

  it.each(cases)('$text is $kind', ({ kind, value }) => {
    const { enrichment, address } = at(value);
    expect(enrichment.addressKind).toBe(kind);
    expect(address === null).toBe(kind !== 'PUBLIC' && kind !== 'PRIVATE');
    if (kind !== 'PUBLIC') expect(enrichment).toMatchObject({ geo: null, network: null });
  });

  it('keeps the address as 16 bytes, IPv4 mapped into IPv6', () => {
    expect(Buffer.from(at('1.2.3.254').address ?? []).toString('hex')).toBe(
      '00000000000000000000ffff010203fe',
    );
    expect(at('::ffff:1.2.3.254').address).toEqual(at('1.2.3.254').address);
    expect(Buffer.from(at('2001:db8::a:0:1').address ?? []).toString('hex')).toBe(
      '20010db8000000000000000a00000001',
    );
  });

  it('reads literals just as the operating system does, and prints them readable', () => {
    const group = fc.oneof(
      fc.constantFrom('', '0', '::', ':', 'ffff', '1.2.3.4', '255.1', '%1'),
      fc.stringMatching(/^[0-9a-fA-F]{0,5}$/),
    );
    const literal = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(fc.nat({ max: 300 }), { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
      fc.array(group, { maxLength: 9 }).map((groups) => groups.join(':')),
    );
    fc.assert(
      fc.property(literal, (text) => {
        const bytes = parseAddress(text);
        expect(bytes !== null).toBe(isIP(text) !== 0 && !text.includes('%'));
        if (!bytes) return;
        expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
        if (isIP(text) === 6 && !text.includes('.')) {
          expect(
            new URL(`http://[${formatAddress(bytes)}]/`.replace(/\[([\d.]+)\]/, '[::ffff:$1]')).hostname,
          ).toBe(new URL(`http://[${text}]/`).hostname);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('place', () => {
  const known = readFileSync(join(__dirname, 'data/addresses-of-known-country.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',') as [string, string, string]);

  it(`${known.length} addresses of known country are found there`, () => {
    const countries = countryTable();
    const wrong = known.filter(([address, code]) => {
      const geo = at(address).enrichment.geo;
      return geo?.countryCode !== code || geo.country !== countries.get(code)?.country;
    });
    expect(wrong).toEqual([]);
    expect(known.length).toBeGreaterThan(200);
    expect(known.filter(([address]) => address.includes(':')).length).toBeGreaterThan(40);
    expect(new Set(known.map(([, code]) => code)).size).toBeGreaterThan(40);
  });

  it('tells country, regions, city, coordinates and network of a public address', () => {
    expect(at('205.251.233.176').enrichment).toMatchObject({
      geo: {
        country: 'United States of America',
        countryCode: 'US',
        region: 'Americas',
        subregion: 'Northern America',
        subdivision: 'Oregon',
        city: 'Boardman',
        latitude: 45.8399,
        longitude: -119.701,
        timeZone: null,
      },
      network: { asn: 16509, organization: 'Amazon.com, Inc.' },
    });
  });

  it.each([
    ['8.8.8.8', 15169],
    ['1.1.1.1', 13335],
    ['18.7.7.7', 3],
    ['130.225.1.1', 1835],
    ['131.111.8.42', 786],
    ['2001:700::1', 224],
    ['2001:4860:4860::8888', 15169],
    ['2607:f140:1::1', 25],
  ])('%s is in AS%d', (address, asn) => {
    expect(at(address).enrichment.network?.asn).toBe(asn);
  });

  it('an IPv4 address written as IPv6 is where the IPv4 address is', () => {
    for (const mapped of ['::ffff:131.111.8.42', '::ffff:836f:82a', '0:0:0:0:0:FFFF:836F:082A']) {
      const { enrichment, address } = at(mapped);
      expect(enrichment).toEqual(at('131.111.8.42').enrichment);
      expect(address).toEqual(at('131.111.8.42').address);
    }
  });

  it('a public address in no database has neither place nor network', () => {
    expect(at('64:ff9b::808:808').enrichment).toMatchObject({
      addressKind: 'PUBLIC',
      geo: null,
      network: null,
    });
  });

  it('shares one frozen result between the events of an address', () => {
    const [first, second] = [at('130.225.1.1').enrichment, at('130.225.1.1').enrichment];
    expect(second.geo).toBe(first.geo);
    expect(Object.isFrozen(first.geo)).toBe(true);
    expect(Object.isFrozen(first.network)).toBe(true);
  });

  it.each([
    ['US', 'United States of America', 'Americas', 'Northern America'],
    ['GB', 'United Kingdom of Great Britain and Northern Ireland', 'Europe', 'Northern Europe'],
    ['BR', 'Brazil', 'Americas', 'Latin America and the Caribbean'],
    ['CU', 'Cuba', 'Americas', 'Latin America and the Caribbean'],
    ['NG', 'Nigeria', 'Africa', 'Sub-Saharan Africa'],
    ['EG', 'Egypt', 'Africa', 'Northern Africa'],
    ['KR', 'Republic of Korea', 'Asia', 'Eastern Asia'],
    ['TR', 'Türkiye', 'Asia', 'Western Asia'],
    ['CY', 'Cyprus', 'Asia', 'Western Asia'],
    ['NZ', 'New Zealand', 'Oceania', 'Australia and New Zealand'],
    ['TW', 'Taiwan', null, null],
    ['XK', 'Kosovo', null, null],
    ['AQ', 'Antarctica', null, null],
  ])('%s is %s in %s, %s', (code, country, region, subregion) => {
    expect(countryTable().get(code)).toEqual({ country, region, subregion });
  });

  it('the memo of addresses stays within its bound and keeps what is used', () => {
    const memo = new Recent<number>(100);
    for (let i = 0; i < 10_000; i++) {
      memo.set(`k${i}`, i);
      expect(memo.get('k0')).toBe(0);
    }
    const kept = Array.from({ length: 10_000 }, (_, i) => memo.get(`k${i}`)).filter(
      (value) => value !== undefined,
    );
    expect(kept.length).toBeLessThanOrEqual(101);
    memo.clear();
    expect(memo.get('k0')).toBeUndefined();
  });

  it('names the databases with their age and the attribution that they ask for', () => {
    const [city, asn] = enricher.databases();
    expect(city).toEqual({
      name: 'DB-IP City Lite',
      builtAt: new Date('2026-06-05T13:42:02Z'),
      attribution: expect.stringContaining('https://db-ip.com'),
    });
    expect(asn?.builtAt).toEqual(new Date('2026-06-17T19:00:00Z'));
    const notice = readFileSync(join(__dirname, '../NOTICE'), 'utf8');
    for (const link of ['https://db-ip.com', 'https://www.routeviews.org', 'https://www.nro.net']) {
      expect(asn?.attribution).toContain(link);
      expect(notice).toContain(link);
    }
  });
});

describe('network table', () => {
  const table = (text: string, words: 1 | 4) => {
    const path = join(folder, 'table.csv');
    writeFileSync(path, text);
    return AsnTable.read(path, words);
  };
  const find = (ranges: AsnTable, address: string) =>
    ranges.find(parseAddress(address) ?? new Uint8Array(16));

  it('finds first and last address of a range, nothing in the gaps, and reads quoted and empty names', async () => {
    const ranges = await table(
      '1.0.0.0,1.0.0.255,13335,"Cloudflare, Inc."\n1.0.2.0,1.0.2.0,7,"LLC ""SPUTNIK"""\n200.0.0.0,255.255.255.255,8,\n',
      1,
    );
    expect(ranges.size).toBe(3);
    expect(find(ranges, '1.0.0.0')).toEqual({ asn: 13335, organization: 'Cloudflare, Inc.' });
    expect(find(ranges, '1.0.0.255')).toEqual({ asn: 13335, organization: 'Cloudflare, Inc.' });
    expect(find(ranges, '1.0.2.0')).toEqual({ asn: 7, organization: 'LLC "SPUTNIK"' });
    expect(find(ranges, '255.255.255.255')).toEqual({ asn: 8, organization: null });
    for (const gap of ['0.255.255.255', '1.0.1.0', '1.0.1.255', '1.0.2.1', '199.255.255.255']) {
      expect(find(ranges, gap)).toBeNull();
    }
  });

  it('tells IPv6 ranges apart down to the last bit', async () => {
    const ranges = await table('2001:db8::1,2001:db8::1,1,A\n2001:db8::3,2001:db8:0:1::,2,B\n', 4);
    expect(find(ranges, '2001:db8::')).toBeNull();
    expect(find(ranges, '2001:db8::1')?.asn).toBe(1);
    expect(find(ranges, '2001:db8::2')).toBeNull();
    expect(find(ranges, '2001:db8::ffff:ffff:ffff:ffff')?.asn).toBe(2);
    expect(find(ranges, '2001:db8:0:1::1')).toBeNull();
  });

  it.each(['1.0.0.0,1.0.0.9,1,A\n0.1.0.0,0.1.0.9,2,B\n', 'a,b,c,d\n', '1.0.0.0\n', '\n'])(
    'refuses a table that is broken or out of order: %j',
    async (text) => {
      await expect(table(text, 1)).rejects.toThrow(Permanent);
    },
  );
});

describe('actor', () => {
  const session = (issuer: object, mfa: unknown = 'false') => ({
    sessionIssuer: issuer,
    attributes: { mfaAuthenticated: mfa, creationDate: '20131102T010628Z' },
  });
  const role = { type: 'Role', arn: 'arn:aws:iam::111122223333:role/path/Admin', userName: 'Admin' };
  const hidden = 'HIDDEN_DUE_TO_SECURITY_REASONS';
  const account = '111122223333';
  const nobody = { arn: null, accountId: null, root: false, mfa: false, issuerArn: null };

  const table: [string, unknown, Partial<Actor>][] = [
    [
      'Root',
      { type: 'Root', principalId: account, arn: `arn:aws:iam::${account}:root`, accountId: account },
      { name: 'root', kind: 'Root', root: true, accountId: account },
    ],
    [
      'Root with an alias',
      { type: 'Root', userName: 'my-alias', principalId: account },
      { name: 'root', root: true },
    ],
    [
      'IAMUser',
      { type: 'IAMUser', userName: 'alice', arn: `arn:aws:iam::${account}:user/alice` },
      { name: 'alice', kind: 'IAMUser', root: false },
    ],
    [
      'IAMUser without userName',
      { type: 'IAMUser', arn: `arn:aws:iam::${account}:user/eng/alice` },
      { name: 'alice' },
    ],
    [
      'IAMUser with MFA',
      { type: 'IAMUser', userName: 'alice', sessionContext: session({}, 'true') },
      { name: 'alice', mfa: true, issuerArn: null },
    ],
    [
      'IAMUser, hidden name',
      { type: 'IAMUser', userName: hidden, principalId: 'AIDA1', accountId: account },
      { name: 'AIDA1' },
    ],
    [
      'IAMUser, only a hidden name',
      { type: 'IAMUser', userName: hidden, accountId: account },
      { name: account },
    ],
    [
      'AssumedRole',
      {
        type: 'AssumedRole',
        principalId: 'AROA1:deploy',
        arn: `arn:aws:sts::${account}:assumed-role/Admin/deploy`,
        sessionContext: session(role, true),
      },
      { name: 'Admin/deploy', mfa: true, issuerArn: role.arn },
    ],
    [
      'AssumedRole without issuer',
      { type: 'AssumedRole', arn: `arn:aws:sts::${account}:assumed-role/Admin/me@example.com` },
      { name: 'Admin/me@example.com' },
    ],
    [
      'AssumedRole without arn',
      { type: 'AssumedRole', principalId: 'AROA1:deploy', sessionContext: session(role) },
      { name: 'Admin/deploy' },
    ],
    [
      'AssumedRole with issuer arn only',
      { type: 'AssumedRole', principalId: 'AROA1:deploy', sessionContext: session({ arn: role.arn }) },
      { name: 'Admin/deploy' },
    ],
    ['AssumedRole without anything', { type: 'AssumedRole' }, { name: 'unknown', kind: 'AssumedRole' }],
    [
      'AssumedRole, principalId only',
      { type: 'AssumedRole', principalId: 'AROA1:deploy' },
      { name: 'deploy' },
    ],
    ['Role', { type: 'Role', arn: 'arn:aws:iam::111122223333:role/path/Admin' }, { name: 'Admin' }],
    [
      'FederatedUser',
      {
        type: 'FederatedUser',
        principalId: `${account}:bob`,
        arn: `arn:aws:sts::${account}:federated-user/bob`,
        sessionContext: session({ type: 'IAMUser', userName: 'alice', arn: 'a' }),
      },
      { name: 'bob', root: false, issuerArn: 'a' },
    ],
    [
      'FederatedUser issued by root',
      { type: 'FederatedUser', principalId: `${account}:bob`, sessionContext: session({ type: 'Root' }) },
      { name: 'bob', root: true },
    ],
    ['Directory', { type: 'Directory', userName: 'corp\\alice' }, { name: 'corp\\alice', kind: 'Directory' }],
    [
      'AWSAccount',
      { type: 'AWSAccount', principalId: 'AIDAX', accountId: '444455556666' },
      { name: '444455556666' },
    ],
    ['AWSAccount without account', { type: 'AWSAccount', principalId: 'AIDAX' }, { name: 'AIDAX' }],
    [
      'AWSService',
      { type: 'AWSService', invokedBy: 'rds.amazonaws.com' },
      { name: 'rds.amazonaws.com', kind: 'AWSService' },
    ],
    [
      'IdentityCenterUser',
      {
        type: 'IdentityCenterUser',
        accountId: account,
        onBehalfOf: { userId: 'u-1', identityStoreArn: 'x' },
      },
      { name: 'u-1' },
    ],
    [
      'IdentityCenterUser with a name',
      { type: 'IdentityCenterUser', userName: 'alice', onBehalfOf: { userId: 'u-1' } },
      { name: 'alice' },
    ],
    [
      'SAMLUser',
      { type: 'SAMLUser', principalId: 'x:alice@corp', userName: 'alice@corp', identityProvider: 'x' },
      { name: 'alice@corp' },
    ],
    [
      'WebIdentityUser',
      { type: 'WebIdentityUser', principalId: 'accounts.google.com:app:42' },
      { name: 'accounts.google.com:app:42' },
    ],
    [
      'Unknown',
      { type: 'Unknown', principalId: account, userName: 'alice@example.com' },
      { name: 'alice@example.com', kind: 'Unknown' },
    ],
    [
      'no type',
      { accountId: account, invokedBy: 'ec2.amazonaws.com' },
      { name: 'ec2.amazonaws.com', kind: 'Unknown' },
    ],
    ['a type to come', { type: 'Robot', principalId: 'r2d2' }, { name: 'r2d2', kind: 'Robot' }],
    ['nothing in it', {}, { name: 'unknown', kind: 'Unknown', ...nobody }],
    ['missing', undefined, { name: 'unknown', kind: 'Unknown', ...nobody }],
    ['null', null, { name: 'unknown', kind: 'Unknown', ...nobody }],
    ['a string', 'alice', { name: 'unknown', ...nobody }],
    ['a list', [{ type: 'Root' }], { name: 'unknown', root: false }],
    [
      'odd shapes within',
      { type: 7, userName: {}, arn: [], accountId: 1, sessionContext: 'x', principalId: '' },
      { name: 'unknown', ...nobody },
    ],
    [
      'names of the prototype',
      JSON.parse('{"type":"__proto__","userName":"constructor"}'),
      { name: 'constructor', kind: '__proto__' },
    ],
  ];

  it.each(table)('%s', (_name, userIdentity, expected) => {
    expect(actor({ userIdentity })).toMatchObject(expected);
  });

  it('a console login tells of MFA in additionalEventData', () => {
    const login = { eventName: 'ConsoleLogin', userIdentity: { type: 'IAMUser', userName: 'alice' } };
    expect(actor({ ...login, additionalEventData: { MFAUsed: 'Yes' } }).mfa).toBe(true);
    expect(actor({ ...login, additionalEventData: { MFAUsed: 'No' } }).mfa).toBe(false);
    expect(actor({ ...login, additionalEventData: null }).mfa).toBe(false);
  });

  it('cuts a name that no AWS name can have', () => {
    expect(actor({ userIdentity: { type: 'IAMUser', userName: 'a'.repeat(100_000) } }).name).toHaveLength(
      2048,
    );
  });
});

describe('outcome', () => {
  const table: [Outcome, CloudTrailRecord][] = [
    ['SUCCESS', {}],
    ['SUCCESS', { errorCode: null, errorMessage: '' }],
    ['FAILURE', { errorCode: 'AccessDenied' }],
    ['FAILURE', { errorMessage: 'Failed authentication' }],
    ['FAILURE', { errorCode: 403 }],
    ['FAILURE', { eventName: 'ConsoleLogin', responseElements: { ConsoleLogin: 'Failure' } }],
    ['SUCCESS', { eventName: 'ConsoleLogin', responseElements: { ConsoleLogin: 'Success' } }],
    ['SUCCESS', { eventName: 'ConsoleLogin', responseElements: null }],
    ['SUCCESS', { eventName: 'ConsoleLogin', responseElements: ['Failure'] }],
    ['SUCCESS', { eventName: 'PutThing', responseElements: { ConsoleLogin: 'Failure' } }],
  ];
  it.each(table)('%s: %j', (outcome, record) => {
    expect(enricher.enrich(record).enrichment.outcome).toBe(outcome);
  });
});

describe("the operator's own files", () => {
  const london = (city: string): MmdbValue => ({
    city: { names: { en: city, de: 'anders' } },
    country: { iso_code: 'GB', names: { en: 'United Kingdom' } },
    location: { latitude: 51.5142, longitude: -0.0931, time_zone: 'Europe/London' },
    subdivisions: [{ iso_code: 'ENG', names: { en: 'England' } }, { names: { en: 'inner' } }],
  });
  const cityFile = (city: string, ipVersion: 4 | 6 = 6) =>
    writeMmdb({
      type: 'GeoLite2-City',
      ipVersion,
      builtAt: new Date('2026-01-02T03:04:05Z'),
      rows: {
        '81.2.69.0/24': london(city),
        '89.160.20.0/24': { registered_country: { iso_code: 'SE' } },
        ...(ipVersion === 6 ? { '2a02:c7c::/32': london('Leeds') } : { '32.1.72.0/24': london('Leeds') }),
      },
    });
  const asnFile = writeMmdb({
    type: 'GeoLite2-ASN',
    ipVersion: 6,
    builtAt: new Date('2026-01-02T00:00:00Z'),
    rows: {
      '81.2.69.0/24': {
        autonomous_system_number: { uint32: 20712 },
        autonomous_system_organization: 'Andrews & Arnold',
      },
      '89.160.20.0/24': { autonomous_system_number: { uint32: 29518 } },
    },
  });
  const asnPath = () => join(folder, 'asn.mmdb');
  const warnings: string[] = [];
  const log = {
    info: () => undefined,
    warn: (_facts: object, message: string) => void warnings.push(message),
  };

  async function using(cityDb: string, run: (own: Enricher) => Promise<void> | void): Promise<void> {
    writeFileSync(asnPath(), asnFile);
    warnings.length = 0;
    const own = await createEnricher({ cityDb, asnDb: asnPath(), log, pollMs: 20 });
    try {
      await run(own);
    } finally {
      await own.close();
    }
  }
  const until = (condition: () => boolean) => eventually(condition, 'the change is seen', 10_000);
  const cityOf = (own: Enricher) => at('81.2.69.142', own).enrichment.geo?.city;
  /** A new file in the place of another, as a careful updater does it. */
  function replace(path: string, bytes: Buffer): void {
    writeFileSync(`${path}.new`, bytes);
    renameSync(`${path}.new`, path);
  }

  it("are read in MaxMind's nested layout, IPv4 and IPv6", async () => {
    const path = join(folder, 'city.mmdb');
    writeFileSync(path, cityFile('London'));
    await using(path, (own) => {
      const geo = {
        country: 'United Kingdom of Great Britain and Northern Ireland',
        countryCode: 'GB',
        region: 'Europe',
        subregion: 'Northern Europe',
        subdivision: 'England',
        city: 'London',
        latitude: 51.5142,
        longitude: -0.0931,
        timeZone: 'Europe/London',
      };
      const network = { asn: 20712, organization: 'Andrews & Arnold' };
      expect(at('81.2.69.142', own).enrichment).toMatchObject({ geo, network });
      expect(at('::ffff:81.2.69.142', own).enrichment).toMatchObject({ geo, network });
      expect(at('2a02:c7c::1', own).enrichment).toMatchObject({ geo: { city: 'Leeds' }, network: null });
      expect(at('89.160.20.1', own).enrichment).toMatchObject({
        geo: null,
        network: { asn: 29518, organization: null },
      });
      expect(at('8.8.8.8', own).enrichment).toMatchObject({ geo: null, network: null });
      expect(own.databases()).toEqual([
        {
          name: 'GeoLite2-City',
          builtAt: new Date('2026-01-02T03:04:05Z'),
          attribution: expect.stringContaining('MaxMind'),
        },
        {
          name: 'GeoLite2-ASN',
          builtAt: new Date('2026-01-02T00:00:00Z'),
          attribution: expect.stringContaining('MaxMind'),
        },
      ]);
    });
  });

  it('a database of IPv4 alone knows nothing of IPv6 addresses', async () => {
    const path = join(folder, 'v4.mmdb');
    writeFileSync(path, cityFile('London', 4));
    await using(path, (own) => {
      expect(cityOf(own)).toBe('London');
      expect(at('32.1.72.96', own).enrichment.geo?.city).toBe('Leeds');
      // Its first 32 bits are those of 32.1.72.96.
      expect(at('2001:4860:4860::8888', own).enrichment.geo).toBeNull();
    });
  });

  it('the flat layout works as well', async () => {
    const path = join(folder, 'flat.mmdb');
    const row = {
      country_code: 'NO',
      state1: 'Oslo',
      city: '',
      latitude: 59.9138,
      longitude: 10.7387,
      timezone: '',
    };
    writeFileSync(
      path,
      writeMmdb({ type: 'mine', ipVersion: 6, builtAt: new Date(0), rows: { '81.2.69.0/24': row } }),
    );
    await using(path, (own) => {
      expect(at('81.2.69.142', own).enrichment.geo).toMatchObject({
        country: 'Norway',
        subdivision: 'Oslo',
        city: null,
        timeZone: null,
      });
    });
  });

  it('are reloaded when they change; a broken or missing new one leaves the old in use and warns once', async () => {
    const path = join(folder, 'changing.mmdb');
    writeFileSync(path, cityFile('London'));
    await using(path, async (own) => {
      expect(cityOf(own)).toBe('London');
      replace(path, cityFile('Birmingham'));
      await until(() => cityOf(own) === 'Birmingham');
      replace(path, Buffer.from('no database at all'));
      await until(() => warnings.length === 1);
      expect(cityOf(own)).toBe('Birmingham');
      rmSync(path);
      await until(() => warnings.length === 2);
      expect(cityOf(own)).toBe('Birmingham');
      replace(path, cityFile('Manchester'));
      await until(() => cityOf(own) === 'Manchester');
      expect(warnings).toHaveLength(2);
    });
  });

  it('a file of another kind put in place later does not replace the one in use', async () => {
    const path = join(folder, 'mixed.mmdb');
    writeFileSync(path, cityFile('London'));
    await using(path, async (own) => {
      copyFileSync(asnPath(), path);
      await until(() => warnings.length === 1);
      expect(cityOf(own)).toBe('London');
    });
  });

  it('a file with broken rows is a miss and a warning, not an error', async () => {
    const path = join(folder, 'rows.mmdb');
    const bytes = cityFile('London');
    // The first row starts after the tree and 16 zero bytes: an extended type that does not exist.
    const start = bytes.indexOf(Buffer.from('city')) - 2;
    bytes.fill(0, start, start + 3);
    writeFileSync(path, bytes);
    await using(path, (own) => {
      expect(at('81.2.69.142', own).enrichment).toMatchObject({ addressKind: 'PUBLIC', geo: null });
      expect(warnings).toHaveLength(1);
    });
  });

  it.each<[string, Buffer | null, RegExp]>([
    ['missing', null, /ENOENT/],
    ['empty', Buffer.alloc(0), /not a readable mmdb/],
    ['broken', Buffer.from('x'.repeat(5000)), /not a readable mmdb/],
    ['truncated', cityFile('London').subarray(0, 300), /not a readable mmdb/],
    ['compressed', gzipSync(cityFile('London')), /unpack it first/],
    ['of another kind', asnFile, /not a city database: it says it is 'GeoLite2-ASN'/],
  ])(
    'a file that is %s at the start is an error that names setting and path',
    async (name, bytes, reason) => {
      const path = join(folder, `bad-${name.replaceAll(' ', '-')}.mmdb`);
      if (bytes) writeFileSync(path, bytes);
      const failure = createEnricher({ cityDb: path, log });
      await expect(failure).rejects.toThrow(Permanent);
      await expect(failure).rejects.toThrow(`GEOIP_CITY_DB=${path}`);
      await expect(failure).rejects.toThrow(reason);
    },
  );

  it('the ASN file is checked in the same way', async () => {
    const path = join(folder, 'city-as-asn.mmdb');
    writeFileSync(path, cityFile('London'));
    await expect(createEnricher({ cityDb: path, asnDb: path, log })).rejects.toThrow(
      `GEOIP_ASN_DB=${path} can't be used: ${path} is not a network (ASN) database: it says it is 'GeoLite2-City'`,
    );
  });
});

describe('hostile records', () => {
  const odd = fc.oneof(
    fc.anything({ withBigInt: false, withNullPrototype: true }),
    fc.constantFrom(
      '__proto__',
      'x'.repeat(100_000),
      '1'.repeat(100_000),
      ':'.repeat(45),
      '\u0000',
      '\ud800',
      'Root',
    ),
  );
  const shape = (depth: number): fc.Arbitrary<unknown> =>
    depth === 0 ? odd : fc.oneof(odd, fc.dictionary(fc.constantFrom(...FIELDS), shape(depth - 1)));
  const FIELDS = [
    ...['type', 'arn', 'userName', 'principalId', 'accountId', 'invokedBy', 'onBehalfOf', 'userId'],
    ...['sessionContext', 'sessionIssuer', 'attributes', 'mfaAuthenticated', 'MFAUsed', 'ConsoleLogin'],
  ];
  const record = fc.record(
    {
      sourceIPAddress: odd,
      userIdentity: shape(3),
      eventName: fc.oneof(fc.constant('ConsoleLogin'), odd),
      responseElements: shape(1),
      additionalEventData: shape(1),
      errorCode: odd,
      errorMessage: odd,
    },
    { requiredKeys: [] },
  );

  it('never throw, and give an enrichment of the right types', () => {
    const text = (value: unknown) => value === null || typeof value === 'string';
    fc.assert(
      fc.property(record, (hostile) => {
        const { enrichment, address } = enricher.enrich(hostile);
        const who = enrichment.actor;
        expect(address === null || address.length === 16).toBe(true);
        expect(typeof who.name === 'string' && who.name !== '' && typeof who.kind === 'string').toBe(true);
        expect([who.arn, who.accountId, who.issuerArn].every(text)).toBe(true);
        expect([typeof who.root, typeof who.mfa]).toEqual(['boolean', 'boolean']);
        expect(['SUCCESS', 'FAILURE']).toContain(enrichment.outcome);
      }),
      { numRuns: 2000 },
    );
  });
});
