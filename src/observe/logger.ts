import pino, { type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

export interface LogOptions {
  level: string;
  /** For people at a terminal instead of JSON lines. */
  pretty: boolean;
  /** Where lines go; standard output where absent. */
  destination?: DestinationStream;
  /** Stands in every line. */
  bindings?: Record<string, unknown>;
}

/** Members of logged objects that may hold a secret, at any of the depths that we log. */
const REDACTED = [
  'password',
  'secret',
  'token',
  'authorization',
  'headers',
  'uri',
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
];

/** One JSON line per fact, or a readable one on a terminal. Lines are written at once: nothing is lost at exit. */
export function createLogger({ level, pretty, destination, bindings }: LogOptions): Logger {
  const options = {
    level,
    base: bindings ?? {},
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '********' },
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
  };
  return pino(options, destination ?? (pretty ? prettyStream() : pino.destination({ dest: 1, sync: true })));
}

function prettyStream(): DestinationStream {
  const { default: build } = require('pino-pretty') as { default: (options: object) => DestinationStream };
  return build({ sync: true, colorize: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname,role' });
}
