import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIPv6 } from 'node:net';
import { type Environment, inspectSettings } from '../../config/environment';
import { messageOf } from '../../domain/errors';
import { CommandFailure } from '../failure';

const ANSWER_MS = 4_000;

/** @throws CommandFailure where the settings make no server that could be asked */
export function livezOf(environment: Environment): URL {
  const { settings } = inspectSettings(environment);
  const worker = settings.ROLE === 'worker';
  const port = worker ? settings.METRICS_PORT : settings.PORT;
  if (!port)
    throw new CommandFailure(`Set ${worker ? 'METRICS_PORT' : 'PORT'} to the port that is to be asked.`);
  const { HOST: host = '127.0.0.1' } = settings;
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const scheme = settings.TLS_CERT_FILE === undefined || worker ? 'http' : 'https';
  return new URL(`${scheme}://${isIPv6(name) ? `[${name}]` : name}:${port}/livez`);
}

/** @returns why it does not answer; null where it does */
export function askLivez(url: URL): Promise<string | null> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    // The certificate is for the names that clients use; nothing secret is said here, and nothing believed but a 200.
    const options = { signal, rejectUnauthorized: false, agent: false as const };
    const asked = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    asked.on('response', ({ statusCode }) => {
      resolve(statusCode === 200 ? null : `status ${statusCode}`);
      asked.destroy();
    });
    asked.on('error', (error) =>
      resolve(signal.aborted ? `nothing within ${ANSWER_MS / 1_000} s` : messageOf(error)),
    );
    asked.end();
  });
}
