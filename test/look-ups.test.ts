import { parseDnsServers, resolveBy } from '../src/net/dns-servers';
import { networkFailureOf } from '../src/net/failure';
import type { Resolve } from '../src/net/guarded-lookup';
import { LookUps } from '../src/net/look-ups';
import { DnsServer } from './support/dns-server';
import { eventually } from './support/eventually';

const failureOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => networkFailureOf(error),
  );

/** A resolver that answers some names and never the others; `running` says which. */
function partly(answering: string[]): { resolve: Resolve; running: string[]; end: (name: string) => void } {
  const running: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    running,
    end: (name) => ends.get(name)!(),
    resolve: (name) => {
      running.push(name);
      if (answering.includes(name)) return Promise.resolve([{ address: '192.0.2.1', family: 4 }]);
      return new Promise((_, reject) => ends.set(name, () => reject(new Error('ended at last'))));
    },
  };
}

describe('look-ups', () => {
  test('that hang, however many, do not keep a name that answered before from being looked up', async () => {
    const { resolve, running } = partly(['good.test']);
    const lookUps = new LookUps(resolve, { timeoutMs: 500, atOnce: 8 });
    await lookUps.resolve('good.test');
    const hanging = Array.from({ length: 50 }, (_, n) => failureOf(lookUps.resolve(`hangs-${n}.test`)));
    await expect(lookUps.resolve('good.test')).resolves.toHaveLength(1);
    expect(new Set(await Promise.all(hanging))).toEqual(new Set(['dns']));
    expect(running.filter((name) => name.startsWith('hangs'))).toHaveLength(4);
    // Nothing waits for them any more, but they have not ended: their places stay taken.
    expect(await failureOf(lookUps.resolve('another.test'))).toBe('dns');
    expect(running).not.toContain('another.test');
    await expect(lookUps.resolve('good.test')).resolves.toHaveLength(1);
  });

  test('give their place back when they end', async () => {
    const { resolve, running, end } = partly(['new.test']);
    const lookUps = new LookUps(resolve, { timeoutMs: 5_000, atOnce: 2 });
    const hanging = failureOf(lookUps.resolve('hangs.test'));
    const waiting = lookUps.resolve('new.test');
    await eventually(() => running.length === 1, 'one is under way');
    end('hangs.test');
    await expect(waiting).resolves.toHaveLength(1);
    expect(await hanging).toBe('dns');
  });

  test('of one name at the same time are one, and no more wait than there is room for', async () => {
    const { resolve, running, end } = partly([]);
    const lookUps = new LookUps(resolve, { timeoutMs: 5_000, atOnce: 2, mostWaiting: 1 });
    const same = [1, 2, 3].map(() => failureOf(lookUps.resolve('same.test')));
    const waiting = failureOf(lookUps.resolve('waits.test'));
    await expect(lookUps.resolve('too-many.test')).rejects.toThrow('too many names are being looked up');
    await eventually(() => running.length === 1, 'one is under way');
    end('same.test');
    expect(await Promise.all(same)).toEqual(['dns', 'dns', 'dns']);
    expect(running).toEqual(['same.test', 'waits.test']);
    end('waits.test');
    expect(await waiting).toBe('dns');
  });
});

describe('name servers of our own choice', () => {
  test('are asked for addresses of both kinds, and what they are asked ends with the deadline', async () => {
    const dns = new DnsServer();
    const resolve = resolveBy([await dns.start()]);
    try {
      dns.records('both.test', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] });
      expect(await resolve('both.test')).toEqual([
        { address: '192.0.2.1', family: 4 },
        { address: '2001:db8::1', family: 6 },
      ]);
      dns.answer('silent.test', () => null);
      const lookUps = new LookUps(resolve, { timeoutMs: 300, atOnce: 2 });
      expect(await failureOf(lookUps.resolve('silent.test'))).toBe('dns');
      // Its place is free again.
      await expect(lookUps.resolve('both.test')).resolves.toHaveLength(2);
    } finally {
      await dns.stop();
    }
  });

  test('are written as addresses with a port or without', () => {
    expect(parseDnsServers(' 10.0.0.2, 10.0.0.3:5353 ,[fd00::2]:53,[fd00::3],')).toEqual([
      '10.0.0.2',
      '10.0.0.3:5353',
      '[fd00::2]:53',
      '[fd00::3]',
    ]);
    expect(parseDnsServers('')).toEqual([]);
    for (const wrong of [
      'dns.example.com',
      '10.0.0.2:0',
      '10.0.0.2:99999',
      '[10.0.0.2]',
      'fd00::2:53:x',
      '10.0.0',
    ])
      expect(() => parseDnsServers(`10.0.0.1,${wrong}`)).toThrow(`"${wrong}" is not a name server`);
  });
});
