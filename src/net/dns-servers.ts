import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Invalid } from '../domain/errors';
import type { Resolve, ResolvedAddress } from './guarded-lookup';

/** What c-ares asks once more after; its second try waits twice as long, and the look-up's own deadline ends both. */
const ASK_AGAIN_AFTER_MS = 1_500;
const TRIES = 3;
/** c-ares says so of a name that has no records of the asked kind. */
const NO_RECORDS = new Set(['ENODATA', 'ENOTFOUND']);

/**
 * Reads a list of name servers as an operator writes it: `10.0.0.2, [fd00::2]:5353`. Empty text is an empty list.
 * @throws Invalid that names the part at fault
 */
export function parseDnsServers(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(checkedServer);
}

function checkedServer(text: string): string {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? text;
  const right = bracketed === undefined ? isIP(address) !== 0 : isIP(address) === 6;
  if (!right || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)))
    throw new Invalid(
      `"${text.slice(0, 60)}" is not a name server: write it like 10.0.0.2 or [fd00::2]:5353`,
    );
  return text;
}

/**
 * Asks these name servers, by c-ares and thus without a thread: A and AAAA at once. One kind of record that can't be had
 * does not spoil the other, since a connection only goes to addresses that came. The hosts file and search domains of
 * the system are not used.
 */
export function resolveBy(servers: readonly string[]): Resolve {
  return async (hostname, signal) => {
    const resolver = new Resolver({ timeout: ASK_AGAIN_AFTER_MS, tries: TRIES });
    resolver.setServers(servers);
    const cancel = (): void => resolver.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
      const records = [...recordsOf(v4, 4), ...recordsOf(v6, 6)];
      if (records.length === 0) throw worstOf([v4, v6]);
      return records;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };
}

function recordsOf(answer: PromiseSettledResult<string[]>, family: 4 | 6): ResolvedAddress[] {
  return answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : [];
}

/** A server that fails tells more than one that says there is nothing. */
function worstOf(answers: PromiseSettledResult<string[]>[]): unknown {
  const reasons = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  const failed = reasons.find((reason) => !NO_RECORDS.has(String((reason as { code?: unknown }).code)));
  return failed ?? reasons[0] ?? new Error('the name has no address');
}
