import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { Unavailable } from '../domain/errors';

const ANSWER_WITHIN_MS = 2_000;

/**
 * Writes the configuration (mode 0600: the password is in it, and an argument would show in the process list).
 * Nothing is saved to disk: the queue holds hints, the truth is in MongoDB. Full means an error, never a lost key.
 * Read by Redis 6.2 as well. The working folder is the caller's, so that no path has to be quoted here.
 */
export async function writeValkeyConfig(
  file: string,
  options: { port: number; password: string; maxMemoryMb: number },
): Promise<void> {
  const lines = [
    'bind 127.0.0.1',
    `port ${options.port}`,
    'protected-mode yes',
    `requirepass ${options.password}`,
    'daemonize no',
    'save ""',
    'appendonly no',
    `maxmemory ${options.maxMemoryMb}mb`,
    'maxmemory-policy noeviction',
    'loglevel warning',
    'logfile ""',
  ];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
}

/** Resolves when the server takes commands with this password; throws Unavailable while it does not. */
export async function probeValkey(port: number, password: string): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  const late = setTimeout(() => socket.destroy(new Unavailable('no answer')), ANSWER_WITHIN_MS);
  try {
    socket.write(`AUTH ${password}\r\nPING\r\n`);
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) {
      text = (text + String(chunk)).slice(0, 256);
      if (text.startsWith('-')) throw new Unavailable(`it answers ${text.split('\r\n')[0]}`);
      if (text === '+OK\r\n+PONG\r\n') return;
    }
    throw new Unavailable('it closes the connection');
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}
