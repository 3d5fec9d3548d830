import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { eventually } from './support/eventually';
import { newRecord } from './support/pushing';
import { type Envelope, type RestAnswer, RestClient, type RestRequest } from './support/rest-client';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Account {
  email: string;
  role: string;
  uuid: string;
}

interface Login {
  email: string;
  expiry: string;
  role: string;
  token: string;
  user_uuid: string;
}

interface ShownEvent extends Record<string, unknown> {
  id: string;
  eventID: string;
  eventTime: string;
  enrichment: Record<string, unknown>;
}

const VIEWER = { email: 'viewer@example.com', password: 'a viewer of events' };
const DAY_MS = 86_400_000;
const PUBLIC_ADDRESS = '205.251.233.176';

let app: TestTrailGraph;
let rest: RestClient;
/** Of an ADMIN. */
let token: string;
let viewerToken: string;
let firstAnswer: Envelope<Account>;

beforeAll(async () => {
  app = await startTrailGraph({ settings: { SIGNUP: 'open' } });
  rest = new RestClient(app.url);
  firstAnswer = (await rest.call('POST', '/v1/signup', { body: { ...ADMIN, role: 'user' } })).json();
  await rest.call('POST', '/v1/signup', { body: VIEWER });
  token = await rest.token(ADMIN);
  viewerToken = await rest.token(VIEWER);
});
afterAll(() => app.stop());

const post = (path: string, body: unknown, request: RestRequest = {}) =>
  rest.call('POST', path, { body, ...request });
/** As a sender does: 503 means kept but not stored in time, and sending it again stores nothing twice. */
async function enrich(records: unknown[], request: RestRequest = {}): Promise<RestAnswer> {
  for (let again = 0; ; again++) {
    const answer = await post('/v1/enrichment', { Records: records }, { token, ...request });
    if (answer.status !== 503 || again === 5) return answer;
  }
}

async function newest(): Promise<ShownEvent[]> {
  const answer = await rest.call('GET', '/v1/enrichment', { token: viewerToken });
  expect(answer.status).toBe(200);
  const { message, data } = answer.json<Envelope<{ events: ShownEvent[] }>>();
  expect(message).toBe(`Últimos ${data!.events.length} eventos enriquecidos obtenidos exitosamente`);
  return data!.events;
}

/** Later than whatever other tests stored, so that it stands first. */
let year = 2030;
const laterTime = (): string => `${year++}-01-01T00:00:00Z`;

describe('health', () => {
  test('says that the API is there, in Spanish', async () => {
    const answer = await rest.call('GET', '/v1/health');
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      error: false,
      message: 'API está operativa',
      data: { status: 'OK', uptime: 'server is running' },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ['en', 'API is operational'],
    ['en-GB,en;q=0.9,es;q=0.5', 'API is operational'],
    ['es-AR,en;q=0.5', 'API está operativa'],
    ['de', 'API está operativa'],
    ['*', 'API está operativa'],
    [';q=x,,en;q=', 'API está operativa'],
  ])('Accept-Language: %s', async (language, message) => {
    const answer = await rest.call('GET', '/v1/health', { headers: { 'accept-language': language } });
    expect(answer.json().message).toBe(message);
    expect(answer.headers.get('vary')).toContain('accept-language');
  });
});

describe('sign-up', () => {
  test('makes the first user an ADMIN whatever role was asked for, and leaves no session', async () => {
    expect(firstAnswer).toEqual({
      error: false,
      message: 'Usuario registrado exitosamente',
      data: { email: ADMIN.email, role: 'admin', uuid: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    const account = (
      await post('/v1/signup', { email: 'no-session@example.com', password: 'nobody signs in here' })
    ).json<Envelope<Account>>();
    const sessions = app.core.store.db.collection('sessions');
    expect(await sessions.countDocuments({ userId: account.data!.uuid, revokedAt: null })).toBe(0);
  });

  test('ignores the role that is asked for, unless an ADMIN asks', async () => {
    const make = async (role: unknown, asker?: string): Promise<[number, string | undefined]> => {
      const body = { email: `${randomUUID()}@example.com`, password: 'correct horse battery', role };
      const answer = await post('/v1/signup', body, { token: asker });
      return [answer.status, answer.json<Envelope<Account>>().data?.role];
    };
    expect(await make('admin')).toEqual([201, 'user']);
    expect(await make(7)).toEqual([201, 'user']);
    expect(await make('admin', viewerToken)).toEqual([201, 'user']);
    expect(await make('admin', token)).toEqual([201, 'admin']);
    expect(await make('operator', token)).toEqual([201, 'operator']);
    expect(await make(undefined, token)).toEqual([201, 'user']);
    expect(await make('root', token)).toEqual([400, undefined]);
    expect(await make('admin', 'expired')).toEqual([401, undefined]);
  });

  test.each<[string, unknown, number, string]>([
    ['an empty email', { email: '', password: 'x' }, 400, 'email y contraseña son requeridos'],
    ['no password', { email: 'a@example.com' }, 400, 'email y contraseña son requeridos'],
    ['no body', '', 400, 'cuerpo de la solicitud vacío'],
    ['broken JSON', '{"email":', 400, 'formato JSON inválido'],
    ['a list', [], 400, 'formato JSON inválido'],
    ['null', null, 400, 'formato JSON inválido'],
    ['a number as email', { email: 1, password: 'x' }, 400, 'formato JSON inválido'],
    ['operators', { email: { $ne: '' }, password: { $ne: '' } }, 400, 'formato JSON inválido'],
    ['no address', { email: 'nobody', password: 'correct horse battery' }, 400, 'el email no es válido'],
    [
      'a short password',
      { email: 'a@example.com', password: 'short' },
      400,
      'la contraseña no es válida: se esperan de 8 a 128 caracteres, y que no sea de las más comunes',
    ],
    ['a taken email', { ...ADMIN, email: ' ADMIN@example.com' }, 409, 'el email ya está registrado'],
    ['a body over the limit', 'x'.repeat(65_537), 413, 'cuerpo de la solicitud demasiado grande'],
    ['a gzip bomb', gzipSync(Buffer.alloc(10_000_000)), 413, 'cuerpo de la solicitud demasiado grande'],
  ])('refuses %s', async (_, body, status, message) => {
    const answer = await post('/v1/signup', body);
    expect([answer.status, answer.json()]).toEqual([status, { error: true, message }]);
  });

  test('says in English what is wrong with a password', async () => {
    const body = { email: 'a@example.com', password: 'password' };
    const answer = await post('/v1/signup', body, { headers: { 'accept-language': 'en' } });
    expect(answer.json()).toEqual({
      error: true,
      message: 'the password is not valid: this password is among the most common ones',
    });
  });
});

describe('login', () => {
  test('gives a token of 24 hours', async () => {
    const answer = await post('/v1/login', ADMIN);
    const { message, data } = answer.json<Envelope<Login>>();
    expect([answer.status, message]).toEqual([200, 'Autenticación exitosa']);
    const { uuid } = firstAnswer.data!;
    expect(data).toEqual({
      email: ADMIN.email,
      expiry: expect.stringMatching(/Z$/),
      role: 'admin',
      token: expect.any(String),
      user_uuid: uuid,
    });
    const lasts = Date.parse(data!.expiry) - Date.now();
    expect(lasts).toBeGreaterThan(DAY_MS - 600_000);
    expect(lasts).toBeLessThanOrEqual(DAY_MS + 60_000);
    const claims = JSON.parse(Buffer.from(data!.token.split('.')[1]!, 'base64url').toString()) as {
      exp: number;
    };
    expect(claims.exp * 1_000).toBe(Date.parse(data!.expiry));
  });

  test('knows no wrong password and no stranger, and answers both alike', async () => {
    const wrong = await post('/v1/login', { ...ADMIN, password: 'not the password' });
    const unknown = await post('/v1/login', { email: 'nobody@example.com', password: 'not the password' });
    const said = { error: true, message: 'credenciales inválidas' };
    expect([wrong.status, wrong.json(), unknown.status, unknown.json()]).toEqual([401, said, 401, said]);
  });

  test.each<[string, unknown, string]>([
    ['no password', { email: 'a@example.com' }, 'email y contraseña son requeridos'],
    ['no body', '', 'cuerpo de la solicitud vacío'],
    ['broken JSON', '{', 'formato JSON inválido'],
  ])('refuses %s', async (_, body, message) => {
    const answer = await post('/v1/login', body);
    expect([answer.status, answer.json()]).toEqual([400, { error: true, message }]);
  });

  test('several sessions of one user live side by side, and ending one ends its token alone', async () => {
    const [mine, other] = [await rest.token(ADMIN), await rest.token(ADMIN)];
    await app.anonymous.as(mine).run('mutation { logout }');
    await eventually(async () => {
      const answer = await rest.call('GET', '/v1/enrichment', { token: mine });
      return (
        answer.status === 401 &&
        answer.json().message === 'Autenticación fallida: token inválido, expirado o revocado'
      );
    }, 'the token is worth nothing');
    expect((await rest.call('GET', '/v1/enrichment', { token: other })).status).toBe(200);
    expect(await app.anonymous.as(other).run('{ viewer { role } }')).toEqual({ viewer: { role: 'ADMIN' } });
  });
});

describe('who may come in', () => {
  const NONE = 'Token no proporcionado o formato inválido: encabezado de autorización no proporcionado';
  const MALFORMED = 'Token no proporcionado o formato inválido: formato de token inválido';
  test.each<[string, Record<string, string>, string]>([
    ['nobody without Authorization', {}, NONE],
    ['no Basic', { authorization: 'Basic YTpi' }, MALFORMED],
    ['no bare token', { authorization: 'abc' }, MALFORMED],
    ['no Bearer alone', { authorization: 'Bearer' }, MALFORMED],
    [
      'no token that is not ours',
      { authorization: 'Bearer abc' },
      'Autenticación fallida: token inválido, expirado o revocado',
    ],
  ])('%s', async (_, headers, message) => {
    for (const method of ['GET', 'POST']) {
      const answer = await rest.call(method, '/v1/enrichment', { headers });
      expect([answer.status, answer.json()]).toEqual([401, { error: true, message }]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('a VIEWER reads, but may not ingest', async () => {
    const answer = await enrich([newRecord()], { token: viewerToken });
    expect([answer.status, answer.json().error]).toEqual([403, true]);
    expect((await rest.call('GET', '/v1/enrichment', { token: viewerToken })).status).toBe(200);
  });
});

describe('ingestion', () => {
  test('stores on the source `direct` before it answers, and tells where', async () => {
    const record = newRecord({ eventTime: laterTime(), requestParameters: { 'a.b': [{ $set: null }] } });
    const answer = await enrich([record]);
    expect([answer.status, answer.json()]).toEqual([
      201,
      { error: false, message: '1 registros procesados y enriquecidos exitosamente', data: [] },
    ]);
    const [first] = await newest();
    const { id, enrichment, ...fields } = first!;
    expect(fields).toEqual(record);
    expect(id).toBe(record.eventID);
    expect(enrichment).toMatchObject({
      country: 'United States of America',
      region: 'Americas',
      subregion: 'Northern America',
      countryCode: 'US',
      addressKind: 'PUBLIC',
      network: { organization: expect.stringMatching(/amazon/i) },
      actor: { name: 'alice' },
      outcome: 'SUCCESS',
    });
    expect((await app.core.events.get(record.eventID))?.sourceId).toBe('direct');
  });

  test('the same record twice is stored once', async () => {
    const record = newRecord({ eventTime: laterTime() });
    expect((await enrich([record, record])).json().message).toMatch(/^2 registros/);
    expect((await enrich([record])).json().message).toMatch(/^1 registros/);
    expect((await newest()).filter(({ eventID }) => eventID === record.eventID)).toHaveLength(1);
  });

  test.each([
    ['an address without a place', '192.0.2.1'],
    ['an odd address', '06.237.252.245, -'],
    ['an empty address', ''],
    ['a service', 'cloudtrail.amazonaws.com'],
    ['no address', undefined],
  ])('a record with %s is stored all the same', async (_, sourceIPAddress) => {
    const record = newRecord({ eventTime: laterTime(), sourceIPAddress });
    const other = newRecord({ eventTime: laterTime(), sourceIPAddress: PUBLIC_ADDRESS });
    expect((await enrich([record, other])).status).toBe(201);
    const events = await newest();
    expect(events.slice(0, 2).map(({ eventID }) => eventID)).toEqual([other.eventID, record.eventID]);
    expect(events[1]!.enrichment).toMatchObject({ country: null, region: null, subregion: null });
  });

  test('N counts what came less what could not be kept', async () => {
    const answer = await enrich([newRecord({ eventTime: laterTime() }), newRecord({ eventTime: 'never' })]);
    expect([answer.status, answer.json().message]).toEqual([
      201,
      '1 registros procesados y enriquecidos exitosamente',
    ]);
  });

  test('no record forges what is ours', async () => {
    const record = newRecord({ eventTime: laterTime(), id: 'forged', enrichment: { country: 'Nowhere' } });
    await enrich([record]);
    const [first] = await newest();
    expect([first!.id, first!.enrichment.country]).toEqual([record.eventID, 'United States of America']);
  });

  test('takes gzip, with and without its header', async () => {
    const told: Record<string, string>[] = [{ 'content-encoding': 'gzip' }, {}];
    for (const headers of told) {
      const record = newRecord({ eventTime: laterTime() });
      const body = gzipSync(JSON.stringify({ Records: [record] }));
      expect((await post('/v1/enrichment', body, { token, headers })).status).toBe(201);
      expect((await newest())[0]!.eventID).toBe(record.eventID);
    }
  });

  test('takes a body of more than 4 MiB', async () => {
    const records = Array.from({ length: 600 }, () =>
      newRecord({ requestParameters: { filler: 'x'.repeat(8_192) } }),
    );
    const answer = await enrich(records);
    expect([answer.status, answer.json().message]).toEqual([
      201,
      '600 registros procesados y enriquecidos exitosamente',
    ]);
  });

  const NO_RECORDS = "el JSON no contiene registros en 'Records'";
  test.each<[string, unknown, number, string]>([
    ['no Records', {}, 400, NO_RECORDS],
    ['an empty list', { Records: [] }, 400, NO_RECORDS],
    ['Records that are no list', { Records: { a: 1 } }, 400, NO_RECORDS],
    ['a bare list', [newRecord()], 400, NO_RECORDS],
    ['null', null, 400, NO_RECORDS],
    ['no body', '', 400, 'cuerpo de la solicitud vacío'],
    ['gzip of nothing', gzipSync(''), 400, 'cuerpo de la solicitud vacío'],
    ['broken JSON', '{"Records":[{"eventTime":}]}', 400, 'formato JSON inválido'],
    ['no JSON', 'Records', 400, 'formato JSON inválido'],
    ['5 MiB of no JSON', 'x'.repeat(5_242_880), 400, 'formato JSON inválido'],
    ['5 MiB without Records', { x: 'x'.repeat(5_242_880) }, 400, NO_RECORDS],
    ['more than 8 MiB', 'x'.repeat(8_388_609), 413, 'cuerpo de la solicitud demasiado grande'],
    ['a gzip bomb', gzipSync(Buffer.alloc(70_000_000)), 413, 'cuerpo de la solicitud demasiado grande'],
  ])('refuses %s', async (_, body, status, message) => {
    const answer = await post('/v1/enrichment', body, { token });
    expect([answer.status, answer.json()]).toEqual([status, { error: true, message }]);
  });

  test('refuses an encoding that it does not read, and broken gzip', async () => {
    const brotli = await post('/v1/enrichment', '{}', { token, headers: { 'content-encoding': 'br' } });
    expect(brotli.status).toBe(415);
    const broken = await post('/v1/enrichment', Buffer.from([0x1f, 0x8b, 8, 0, 1]), { token });
    expect([broken.status, broken.json().message]).toEqual([
      400,
      expect.stringMatching(/^solicitud inválida: /),
    ]);
  });
});

describe('the last events', () => {
  test('are the ten newest by eventTime, newest first, of all sources', async () => {
    const records = Array.from({ length: 12 }, () => newRecord({ eventTime: laterTime() }));
    await enrich([...records.slice(6), ...records.slice(0, 6)]);
    const expected = records.map(({ eventID }) => eventID).reverse();
    expect((await newest()).map(({ eventID }) => eventID)).toEqual(expected.slice(0, 10));
  });

  test('come compressed where that is asked for', async () => {
    const get = (encoding: string) =>
      rest.call('GET', '/v1/enrichment', { token, headers: { 'accept-encoding': encoding } });
    const zipped = await get('gzip');
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(zipped.headers.get('vary')).toContain('accept-encoding');
    for (const encoding of ['identity', 'gzip;q=0', 'gzip;q=0, *', 'br'])
      expect((await get(encoding)).headers.get('content-encoding')).toBeNull();
    expect((await get('identity')).text).toBe(zipped.text);
  });
});

describe('paths', () => {
  test('a trailing slash changes nothing', async () => {
    expect((await rest.call('GET', '/v1/health/')).text).toBe((await rest.call('GET', '/v1/health')).text);
    expect((await post('/v1/login/', ADMIN)).status).toBe(200);
    expect((await rest.call('GET', '/v1/enrichment/', { token })).status).toBe(200);
  });

  test.each([
    ['POST', '/v1/health', 'GET, HEAD'],
    ['GET', '/v1/signup', 'POST'],
    ['DELETE', '/v1/login', 'POST'],
    ['HEAD', '/v1/login', 'POST'],
    ['PUT', '/v1/enrichment/', 'GET, POST, HEAD'],
  ])('%s %s is 405, with Allow', async (method, path, allow) => {
    const answer = await rest.call(method, path, method === 'PUT' ? { body: '{' } : {});
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
    if (method !== 'HEAD') expect(answer.json()).toEqual({ error: true, message: 'método no permitido' });
  });

  test.each(['/v1', '/v1/', '/v1/events', '/v1/enrichment/1'])('%s is 404', async (path) => {
    const answer = await rest.call('GET', path);
    expect([answer.status, answer.json()]).toEqual([404, { error: true, message: 'recurso no encontrado' }]);
  });
});
