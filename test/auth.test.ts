import { createHmac, randomBytes } from 'node:crypto';
import { hash as argon2Hash } from '@node-rs/argon2';
import { importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { AccessTokens, generateSigningKey, type SigningKey } from '../src/auth/access-tokens';
import { apiKeyId, apiKeyMatches, newApiKey } from '../src/auth/api-keys';
import { ingestTokenFault, newIngestToken, secretHint } from '../src/auth/ingest-tokens';
import { hashToken, tokenMatches } from '../src/auth/opaque-token';
import { Passwords, passwordFault } from '../src/auth/passwords';
import { judgeRefresh, RefreshTokens, sessionIdOf } from '../src/auth/refresh-tokens';
import { atLeast, isRole } from '../src/auth/roles';
import { BrokenSeal, masterKeyFrom, SecretBox, WrongMasterKey } from '../src/auth/secret-box';
import { RateLimited, Unauthenticated } from '../src/domain/errors';
import { normalEmail, ROLES, type Session } from '../src/domain/user';

const now = new Date('2026-05-06T07:08:09Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);

describe('passwords', () => {
  test('a password verifies against its own hash only, and no hash means no', async () => {
    const passwords = new Passwords();
    const stored = await passwords.hash('correct horse battery');
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(stored, 'correct horse battery')).toBe(true);
    expect(await passwords.verify(stored, 'Correct horse battery')).toBe(false);
    expect(await passwords.verify(stored, '')).toBe(false);
    expect(await passwords.verify(null, 'correct horse battery')).toBe(false);
    expect(await passwords.verify(stored, 'x'.repeat(1_000_000))).toBe(false);
  });

  test('the same characters in another Unicode form are the same password', async () => {
    const passwords = new Passwords();
    const stored = await passwords.hash('Grüße-aus-Köln');
    expect(await passwords.verify(stored, 'Grüße-aus-Köln'.normalize('NFD'))).toBe(true);
  });

  test('an unknown user costs as much time as a known one', async () => {
    const passwords = new Passwords();
    const stored = await passwords.hash('correct horse battery');
    const costs = { known: [] as number[], unknown: [] as number[] };
    // The quickest round of each is the one that the machine disturbed least: on a busy one more are tried.
    const ratio = (): number => Math.min(...costs.unknown) / Math.min(...costs.known);
    const alike = (): boolean => ratio() > 0.5 && ratio() < 2;
    for (let round = 0; round < 60 && (round < 9 || !alike()); round++) {
      for (const kind of ['known', 'unknown'] as const) {
        const started = performance.now();
        await passwords.verify(kind === 'known' ? stored : null, 'wrong password');
        costs[kind].push(performance.now() - started);
      }
    }
    expect(ratio()).toBeGreaterThan(0.5);
    expect(ratio()).toBeLessThan(2);
  });

  test('a flood waits in a bounded queue, and what waited is served', async () => {
    const passwords = new Passwords();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 80 }, () => passwords.verify(null, 'whatever it is')),
    );
    const refused = outcomes.filter((each) => each.status === 'rejected');
    expect(refused).toHaveLength(80 - 4 - 64);
    expect(refused[0]!.reason).toBeInstanceOf(RateLimited);
    expect(await passwords.verify(null, 'and afterwards')).toBe(false);
  });

  test('a slot is free again after an error', async () => {
    const passwords = new Passwords();
    for (let round = 0; round < 10; round++)
      await expect(passwords.verify('not a hash', 'x')).rejects.toThrow();
    expect(await passwords.verify(null, 'x')).toBe(false);
  });

  test('a hash of another cost is to be made anew', async () => {
    const passwords = new Passwords();
    expect(passwords.needsRehash(await passwords.hash('correct horse battery'))).toBe(false);
    expect(
      passwords.needsRehash(await argon2Hash('x', { memoryCost: 8_192, timeCost: 2, parallelism: 1 })),
    ).toBe(true);
    expect(
      passwords.needsRehash(await argon2Hash('x', { memoryCost: 19_456, timeCost: 1, parallelism: 1 })),
    ).toBe(true);
    const argon2d = await argon2Hash('x', { algorithm: 0, memoryCost: 19_456, timeCost: 2, parallelism: 1 });
    expect(passwords.needsRehash(argon2d)).toBe(true);
  });

  test.each(['violet lamp 93', 'tK9-xx3w21', 'Grüße-aus-Köln', '𝄞𝄞a𝄞𝄞b𝄞𝄞', `${'x1-'.repeat(42)}ab`])(
    '%s can be taken',
    (password) => {
      expect(passwordFault(password)).toBeNull();
    },
  );

  test.each(['', 'short', '1234567', '𝄞𝄞a𝄞b𝄞𝄞'])('%j is too short', (password) => {
    expect(passwordFault(password)).toContain('at least 8');
  });

  test('129 characters are too long, and so is a megabyte', () => {
    expect(passwordFault('x1'.repeat(64))).toBeNull();
    expect(passwordFault(`${'x1'.repeat(64)}y`)).toContain('at most 128');
    expect(passwordFault('x1'.repeat(500_000))).toContain('at most 128');
  });

  test.each([
    'password',
    'Password1',
    'PASSWORD123!',
    'P@ssw0rd',
    '12345678',
    'qwertyuiop',
    '1q2w3e4r',
    'iloveyou',
    'Sunshine2024',
    'liverpool',
    'Monkey123!',
    'aaaaaaaaaaaa',
    'ｐａｓｓｗｏｒｄ',
    'trustno1',
    'letmein123',
  ])('%s is too common', (password) => {
    expect(passwordFault(password)).toContain('common');
  });
});

describe('access tokens', () => {
  const grant = { userId: 'u1', sessionId: 's1', role: 'OPERATOR' as const, now };
  let older: SigningKey;
  let newer: SigningKey;
  let tokens: AccessTokens;
  beforeAll(async () => {
    older = await generateSigningKey(later(-86_400));
    newer = await generateSigningKey(now);
    tokens = await AccessTokens.fromKeys('https://trail.test', [older]);
  });

  const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid;
  const refused = (token: string, at = now) =>
    expect(tokens.verify(token, at)).rejects.toBeInstanceOf(Unauthenticated);

  /** A token as we make them, but for one thing. */
  async function forge(
    change: (jwt: SignJWT) => unknown,
    claims: object = { sid: 's1', role: 'ADMIN' },
    header: object = { kid: older.kid },
  ) {
    const jwt = new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'EdDSA', ...header })
      .setIssuer('trailgraph')
      .setAudience('https://trail.test')
      .setSubject('u1')
      .setIssuedAt(now)
      .setExpirationTime(later(60));
    change(jwt);
    return jwt.sign(await importJWK(older.privateJwk, 'EdDSA'));
  }

  test('what was issued is verified, for 15 minutes', async () => {
    const { token, expiresAt } = await tokens.issue(grant);
    expect(expiresAt).toEqual(later(900));
    expect(await tokens.verify(token, later(899))).toEqual({
      userId: 'u1',
      sessionId: 's1',
      role: 'OPERATOR',
      expiresAt,
    });
    await expect(tokens.verify(token, later(901))).rejects.toThrow('has expired');
  });

  test('the forgery helper makes a good token when it changes nothing', async () => {
    expect(await tokens.verify(await forge(() => {}), now)).toMatchObject({ role: 'ADMIN' });
  });

  test('a token that was changed anywhere is refused', async () => {
    const { token } = await tokens.issue(grant);
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const raised = Buffer.from(JSON.stringify({ ...claims, role: 'ADMIN' })).toString('base64url');
    await refused(`${header}.${raised}.${signature}`);
    await refused(`${header}.${payload}.`);
    await refused(`${header}.${payload}`);
    await refused(`${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`);
    await refused('');
    await refused('garbage');
    await refused(`${token}${'x'.repeat(100_000)}`);
  });

  test('alg=none and HMAC with the public key as its secret are refused', async () => {
    const unsecured = new UnsecuredJWT({ sid: 's1', role: 'ADMIN' })
      .setIssuer('trailgraph')
      .setAudience('https://trail.test')
      .setSubject('u1')
      .setExpirationTime(later(60))
      .encode();
    await refused(unsecured);
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: older.kid })).toString('base64url');
    const payload = unsecured.split('.')[1]!;
    const mac = createHmac('sha256', String(older.publicJwk.x))
      .update(`${header}.${payload}`)
      .digest('base64url');
    await refused(`${header}.${payload}.${mac}`);
  });

  test.each<[string, (jwt: SignJWT) => unknown]>([
    ['another issuer', (jwt) => jwt.setIssuer('elsewhere')],
    ['another audience', (jwt) => jwt.setAudience('https://other.test')],
    ['an expiry in the past', (jwt) => jwt.setExpirationTime(later(-1))],
    ['a beginning in the future', (jwt) => jwt.setNotBefore(later(600))],
  ])('a well signed token with %s is refused', async (_, change) => {
    await refused(await forge(change));
  });

  test.each([{ kid: 'unknown' }, {}])(
    'a token whose header names no key of ours is refused: %j',
    async (header) => {
      await refused(await forge(() => {}, undefined, header));
    },
  );

  test.each([
    [{ sid: 's1', role: 'ROOT' }],
    [{ sid: 's1' }],
    [{ role: 'ADMIN' }],
    [{ sid: 7, role: 'ADMIN' }],
  ])('a well signed token with the claims %j is refused', async (claims) => {
    await refused(await forge(() => {}, claims));
  });

  test('while keys rotate both verify; the new one signs once everyone has had time to read it', async () => {
    const both = await AccessTokens.fromKeys('https://trail.test', [newer, older]);
    const before = (await tokens.issue(grant)).token;
    expect(await both.verify(before, now)).toMatchObject({ userId: 'u1' });
    expect(kidOf((await both.issue(grant)).token)).toBe(older.kid);
    const after = (await both.issue({ ...grant, now: later(60) })).token;
    expect(kidOf(after)).toBe(newer.kid);
    expect(await both.verify(after, later(61))).toMatchObject({ userId: 'u1' });

    const onlyNew = await AccessTokens.fromKeys('https://trail.test', [newer]);
    await expect(onlyNew.verify(before, now)).rejects.toBeInstanceOf(Unauthenticated);
    expect(kidOf((await onlyNew.issue(grant)).token)).toBe(newer.kid);
  });

  test('a key survives being kept as JSON, and every key has its own id', async () => {
    const kept = { ...JSON.parse(JSON.stringify(older)), createdAt: older.createdAt } as SigningKey;
    const again = await AccessTokens.fromKeys('https://trail.test', [kept]);
    expect(await again.verify((await tokens.issue(grant)).token, now)).toMatchObject({ userId: 'u1' });
    expect(older.kid).not.toBe(newer.kid);
    expect(older.publicJwk.d).toBeUndefined();
  });
});

describe('refresh tokens', () => {
  const refresh = new RefreshTokens(randomBytes(32));
  const session = (current: string, rest: Partial<Session> = {}): Session => ({
    _id: '5f0e-1',
    userId: 'u1',
    refreshHash: hashToken(current),
    previousHash: null,
    rotatedAt: null,
    createdAt: now,
    expiresAt: later(3_600),
    revokedAt: null,
    ...rest,
  });
  const first = refresh.first('5f0e-1');
  const second = refresh.next(first);
  const third = refresh.next(second);

  test('a token names its session and is not guessed from another', () => {
    for (const token of [first, second, third]) expect(sessionIdOf(token)).toBe('5f0e-1');
    expect(new Set([first, second, third, refresh.first('5f0e-1')]).size).toBe(4);
    expect(new RefreshTokens(randomBytes(32)).next(first)).not.toBe(second);
    for (const text of ['', 'tgr_', 'tgr_5f0e-1_short', `${first}x`, `x${first}`])
      expect(sessionIdOf(text)).toBeNull();
  });

  test('the current token passes', () => {
    expect(judgeRefresh(first, session(first), now)).toBe('current');
  });

  test('a second tab that comes with the token before gets the same successor for 10 s, then it is reuse', () => {
    const rotated = session(second, { previousHash: hashToken(first), rotatedAt: now });
    expect(judgeRefresh(second, rotated, now)).toBe('current');
    expect(judgeRefresh(first, rotated, later(10))).toBe('just-rotated');
    expect(refresh.next(first)).toBe(second);
    expect(judgeRefresh(first, rotated, later(10.001))).toBe('reused');
  });

  test('an older one, and a made-up one, is reuse; an ended session is told as such', () => {
    const twice = session(third, { previousHash: hashToken(second), rotatedAt: now });
    expect(judgeRefresh(first, twice, now)).toBe('reused');
    expect(judgeRefresh(refresh.first('5f0e-1'), twice, now)).toBe('reused');
    expect(judgeRefresh(third, { ...twice, revokedAt: now }, now)).toBe('revoked');
    expect(judgeRefresh(third, twice, later(3_600))).toBe('expired');
  });
});

describe('API keys and ingest tokens', () => {
  test('a key is found by its id and matches its hash only', () => {
    const { id, prefix, key, hash } = newApiKey();
    expect(key).toMatch(/^tg_[a-z0-9]{8}_[\w-]{43}$/);
    expect(key.startsWith(`${prefix}_`)).toBe(true);
    expect(apiKeyId(key)).toBe(id);
    expect(apiKeyMatches(key, hash)).toBe(true);
    const other = newApiKey();
    expect(apiKeyMatches(other.key, hash)).toBe(false);
    expect(apiKeyMatches(`tg_${id}_${other.key.slice(12)}`, hash)).toBe(false);
    expect(hash).not.toContain(key.slice(12));
  });

  test.each([
    '',
    'tg_',
    'tg_short_x',
    'Bearer tg_abcdefgh_x',
    `tg_ABCDEFGH_${'x'.repeat(43)}`,
    `tg_abcdefgh_${'x'.repeat(44)}`,
    `tg_abcdefgh_${'x'.repeat(43)}\n`,
  ])('%j has not the form of a key', (text) => {
    expect(apiKeyId(text)).toBeNull();
  });

  test('an ingest token is long, new each time, and matches its hash only', () => {
    const token = newIngestToken();
    expect(token.length).toBeGreaterThanOrEqual(32);
    expect(ingestTokenFault(token)).toBeNull();
    expect(token).not.toBe(newIngestToken());
    expect(hashToken(token)).toMatch(/^[0-9a-f]{64}$/);
    expect(tokenMatches(token, hashToken(token))).toBe(true);
    expect(tokenMatches(`${token}x`, hashToken(token))).toBe(false);
    expect(tokenMatches(token, '')).toBe(false);
    expect(secretHint(token)).toBe(token.slice(-4));
  });

  test("a user's own ingest token has 32 to 256 characters that pass in a header", () => {
    expect(ingestTokenFault('a'.repeat(32))).toBeNull();
    expect(ingestTokenFault('a'.repeat(31))).toContain('at least 32');
    expect(ingestTokenFault('a'.repeat(257))).toContain('at most 256');
    for (const bad of ['ü', ' ', '\n']) expect(ingestTokenFault('a'.repeat(40) + bad)).toContain('ASCII');
  });
});

describe('secrets at rest', () => {
  const box = new SecretBox(randomBytes(32));
  const place = { collection: 'webhooks', id: 'w1', field: 'secret' };

  test.each(['whsec_x', '', 'Grüße 𝄞', 'x'.repeat(100_000)])(
    'what was sealed opens in its place (%#)',
    (plain) => {
      const sealed = box.seal(plain, place);
      expect(box.open(sealed, place).toString()).toBe(plain);
      expect(box.open(JSON.parse(JSON.stringify(sealed)), place).toString()).toBe(plain);
    },
  );

  test('bytes stay bytes, nothing readable is kept, and no two seals are alike', () => {
    const bytes = randomBytes(64);
    expect(box.open(box.seal(bytes, place), place)).toEqual(bytes);
    const sealed = box.seal('canary-in-a-coal-mine', place);
    const decoded = Object.values(sealed).map((each) =>
      Buffer.from(String(each), 'base64').toString('latin1'),
    );
    expect(JSON.stringify(sealed) + decoded.join()).not.toContain('canary');
    expect(sealed.data).not.toBe(box.seal('canary-in-a-coal-mine', place).data);
  });

  test.each([
    { ...place, collection: 'sources' },
    { ...place, id: 'w2' },
    { ...place, field: 'headers.0' },
    { collection: 'webhooks', id: 'w1","secret', field: '' },
  ])('it does not open anywhere else: %j', (elsewhere) => {
    const sealed = box.seal('secret', place);
    expect(() => box.open(sealed, elsewhere)).toThrow(BrokenSeal);
  });

  test('another master key is told by name', () => {
    const other = new SecretBox(randomBytes(32));
    const sealed = box.seal('secret', place);
    expect(() => other.open(sealed, place)).toThrow(WrongMasterKey);
    expect(() => other.open(sealed, place)).toThrow(
      `${box.keyId}, but the master key at hand is ${other.keyId}`,
    );
    // Who writes the other key's name into it gains nothing.
    expect(() => other.open({ ...sealed, keyId: other.keyId }, place)).toThrow(BrokenSeal);
  });

  test('a change of any byte, a swap of parts and a cut are noticed', () => {
    const sealed = box.seal('secret', place);
    const another = box.seal('secret', place);
    for (const part of ['wrappedKey', 'data'] as const) {
      const bytes = Buffer.from(sealed[part], 'base64');
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1;
        expect(() => box.open({ ...sealed, [part]: changed.toString('base64') }, place)).toThrow(BrokenSeal);
      }
      expect(() => box.open({ ...sealed, [part]: another[part] }, place)).toThrow(BrokenSeal);
      for (const length of [0, 1, 12, 20, 28, bytes.length - 1])
        expect(() =>
          box.open({ ...sealed, [part]: bytes.subarray(0, length).toString('base64') }, place),
        ).toThrow(BrokenSeal);
    }
    for (const odd of [{}, { ...sealed, v: 2 }, { ...sealed, data: 7 }, { ...sealed, keyId: null }])
      expect(() => box.open(odd, place)).toThrow(BrokenSeal);
  });

  test('a master key is read from hex and from both alphabets of base64, and nothing else', () => {
    const key = randomBytes(32);
    for (const text of [
      key.toString('hex'),
      key.toString('hex').toUpperCase(),
      key.toString('base64'),
      ` ${key.toString('base64url')}\n`,
    ])
      expect(masterKeyFrom(text)).toEqual(key);
    for (const text of [
      '',
      'changeme',
      key.toString('hex').slice(2),
      randomBytes(33).toString('base64'),
      randomBytes(31).toString('base64'),
    ])
      expect(() => masterKeyFrom(text)).toThrow('32 random bytes');
    expect(() => new SecretBox(randomBytes(16))).toThrow('32 bytes');
    expect(new SecretBox(key).keyId).toBe(new SecretBox(Buffer.from(key)).keyId);
  });
});

describe('users', () => {
  test('each role includes those before it', () => {
    const table = ROLES.map((role) => ROLES.map((needed) => atLeast(role, needed)));
    expect(table).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
    for (const odd of ['admin', 'ROOT', '', null, undefined, 2]) expect(isRole(odd)).toBe(false);
  });

  test('one person has one address, however it is typed', () => {
    expect(normalEmail('  Ada.Lovelace@Example.ORG ')).toBe('ada.lovelace@example.org');
    expect(normalEmail('jose\u0301@example.org')).toBe('josé@example.org');
    for (const bad of [
      '',
      'ada',
      'ada@',
      '@example.org',
      'a b@example.org',
      'a@b@c',
      'a\0@b',
      `${'a'.repeat(250)}@b.de`,
    ])
      expect(normalEmail(bad)).toBeNull();
  });
});
