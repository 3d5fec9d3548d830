import { LeasedPlaces } from '../src/valkey/leased-places';
import { eventually } from './support/eventually';
import { OwnValkey } from './support/own-valkey';
import { RawSocket } from './support/raw-socket';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const MOST = 100;

describe('the sockets of a user', () => {
  let apps: TestTrailGraph[] = [];
  let tokens: string[] = [];
  const sockets: RawSocket[] = [];

  beforeAll(async () => {
    const first = await startTrailGraph({ settings: { ROLE: 'api' } });
    apps = [first, await startTrailGraph({ database: first.database, settings: { ROLE: 'api' } })];
    tokens = [];
    for (const email of ['tabs@example.com', 'other@example.com']) {
      const input = { email, password: 'many tabs are open' };
      await first.api.accounts.createUser(input, 'VIEWER');
      const { login } = await first.anonymous.run<{ login: { accessToken: string } }>(
        'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }',
        { input },
      );
      tokens.push(login.accessToken);
    }
  });
  afterAll(async () => {
    for (const socket of sockets) socket.cut();
    await Promise.all(apps.map((app) => app.stop()));
  });

  const enter = async (at: number, user = 0): Promise<RawSocket> => {
    const socket = await RawSocket.authorized(apps[at]!.url, tokens[user]!);
    sockets.push(socket);
    return socket;
  };
  const refusal = async (at: number): Promise<{ code: number; reason: string }> => {
    const socket = await RawSocket.open(apps[at]!.url);
    sockets.push(socket);
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokens[0]}` } });
    return socket.closed;
  };

  test('are counted over all API processes together, and one that is closed makes room at each', async () => {
    const places = [...Array(60).fill(0), ...Array(MOST - 60).fill(1)] as number[];
    const mine = await Promise.all(places.map((at) => enter(at)));
    for (const at of [0, 1])
      expect(await refusal(at)).toEqual({
        code: 4429,
        reason: 'Too many sockets: at most 100 for each user',
      });
    await enter(0, 1);
    await enter(1, 1);
    mine[0]!.cut();
    await eventually(() => enter(1).then(() => true), 'there is room for another one at the other process');
    expect((await refusal(0)).code).toBe(4429);
  });

  test('are none any more once their process has stopped', async () => {
    await apps[1]!.stop();
    const left = sockets.filter((socket) => socket.isOpen).length;
    expect(left).toBeLessThan(MOST);
    await eventually(() => enter(0).then(() => true), 'there is room where they were');
    apps = [apps[0]!];
  });
});

describe('places that processes share by a Valkey', () => {
  let valkey: OwnValkey;
  const opened: LeasedPlaces[] = [];

  beforeAll(async () => {
    valkey = await OwnValkey.prepare();
    await valkey.start();
  });
  afterEach(() => {
    for (const places of opened.splice(0)) places.close();
  });
  afterAll(() => valkey.close());

  const open = (leaseMs: number): LeasedPlaces => {
    const places = new LeasedPlaces({ valkey: valkey.client(), prefix: 'test', most: 3, leaseMs });
    opened.push(places);
    return places;
  };
  const takeAll = (places: LeasedPlaces, owner: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => places.take(owner)));

  test('of a process that died are free when its lease has ended; of one that lives they stay taken', async () => {
    const [dead, alive] = [open(1_500), open(1_500)];
    expect(await takeAll(dead, 'ann', 2)).not.toContain(null);
    expect(await alive.take('ann')).not.toBeNull();
    expect(await alive.take('ann')).toBeNull();
    expect(await alive.take('bob')).not.toBeNull();
    dead.close();
    const found: unknown[] = [];
    await eventually(async () => {
      const place = await alive.take('ann');
      if (place) found.push(place);
      return found.length === 2;
    }, 'the two places of the dead one are free');
    // The three of the living one were renewed meanwhile, and are.
    expect(await open(1_500).take('ann')).toBeNull();
  });

  test('are taken by as many as there are, however many ask at once', async () => {
    const taken = await Promise.all([takeAll(open(60_000), 'eve', 5), takeAll(open(60_000), 'eve', 5)]);
    expect(taken.flat().filter((place) => place !== null)).toHaveLength(3);
  });

  test('are counted by each process while Valkey is away, and told when it is back', async () => {
    const [one, other] = [open(1_500), open(1_500)];
    const held = await takeAll(one, 'cyd', 2);
    await valkey.kill();
    expect(await one.take('cyd')).not.toBeNull();
    expect(await one.take('cyd')).toBeNull();
    expect(await takeAll(other, 'cyd', 3)).not.toContain(null);
    for (const place of await Promise.all(held)) one.give(place!);
    await valkey.start();
    // Empty as it came back, it is told again of what is held: one here and three there.
    const third = open(1_500);
    await eventually(async () => {
      const place = await third.take('cyd');
      if (place) third.give(place);
      return place === null;
    }, 'all places are known to be taken');
  });
});
