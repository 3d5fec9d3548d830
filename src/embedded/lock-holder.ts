import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isErrno } from './run-command';

/** What a process that has announced itself in a data folder says of itself. */
export interface HolderAnswer {
  pid: number | undefined;
  state: 'starting' | 'held';
}

const ANSWER_WITHIN_MS = 2_000;
const MAX_ANSWER_CHARS = 1_024;
/** A socket refuses for a moment between bind and listen, and resets when it is just closed: ask again. */
const TRIES = 4;

/**
 * Asks the process behind a lock socket. Undefined: nobody is behind it any more. A process that lives but does
 * not answer within 2 s (stopped, swapped out) counts as holding.
 */
export async function askHolder(socketPath: string): Promise<HolderAnswer | undefined> {
  let last: unknown;
  for (let i = 0; i < TRIES; i++) {
    try {
      return parseAnswer(await readAnswer(socketPath));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      last = error;
      await delay(20);
    }
  }
  return isErrno(last, 'ECONNREFUSED', 'ENOTSOCK') ? undefined : { pid: undefined, state: 'held' };
}

async function readAnswer(socketPath: string): Promise<string> {
  const socket = connect(socketPath);
  const deadline = setTimeout(() => socket.destroy(new Error('no answer')), ANSWER_WITHIN_MS);
  try {
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) {
      text = (text + String(chunk)).slice(0, MAX_ANSWER_CHARS);
    }
    return text;
  } finally {
    clearTimeout(deadline);
    socket.destroy();
  }
}

function parseAnswer(text: string): HolderAnswer {
  const value: unknown = JSON.parse(text);
  const state = typeof value === 'object' && value && 'state' in value ? value.state : undefined;
  const pid = typeof value === 'object' && value && 'pid' in value ? value.pid : undefined;
  return {
    pid: typeof pid === 'number' ? pid : undefined,
    state: state === 'starting' ? 'starting' : 'held',
  };
}
