import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { Invalid, messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';

/** Where the certificate (with its chain) and its private key are, both as PEM. */
export interface TlsFiles {
  certFile: string;
  keyFile: string;
}

/** A certificate with its chain, and the key that belongs to it. */
export interface TlsPair {
  cert: Buffer;
  key: Buffer;
  /** When the certificate ends. */
  until: Date;
}

/** What the API is served with, and how a renewed pair comes to it. */
export interface ServedTls {
  pair: TlsPair;
  /** From now on until it is ended. */
  follow(server: Pick<Server, 'setSecureContext'>): () => void;
}

const POLL_MS = 5_000;

/**
 * Reads what the settings name; null where they name nothing.
 * @throws Invalid as `readTlsPair`
 */
export async function openTls(
  { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }: { TLS_CERT_FILE?: string; TLS_KEY_FILE?: string },
  log: Logger,
): Promise<ServedTls | null> {
  if (certFile === undefined || keyFile === undefined) return null;
  const files = { certFile, keyFile };
  const pair = await readTlsPair(files);
  if (pair.until < new Date())
    log.warn({ until: pair.until }, 'the TLS certificate has ended: clients will refuse it');
  return { pair, follow: (server) => followTlsFiles(server, files, { pair, pollMs: POLL_MS, log }) };
}

/** What a server is given: TLS 1.2 and 1.3, nothing older. */
export function tlsOptions({ cert, key }: TlsPair): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' };
}

/** @throws Invalid saying which of both is missing, unreadable or no such thing, or that they do not belong together */
export async function readTlsPair(files: TlsFiles): Promise<TlsPair> {
  return checkedPair(files, await readBoth(files));
}

/**
 * Looks at the files every `pollMs` and has the server use a new pair from the next connection on. What can't be used
 * leaves the one before in place; that is said once it was seen twice, since files are replaced one after the other.
 * @returns what ends it
 */
export function followTlsFiles(
  server: Pick<Server, 'setSecureContext'>,
  files: TlsFiles,
  { pair, pollMs, log }: { pair: TlsPair; pollMs: number; log: Logger },
): () => void {
  let inUse = markOf(pair);
  let broken = '';
  let told = '';
  const look = async (): Promise<void> => {
    let mark = '';
    try {
      const read = await readBoth(files);
      mark = markOf(read);
      if (mark !== inUse) {
        const next = checkedPair(files, read);
        server.setSecureContext(tlsOptions(next));
        inUse = mark;
        log.info({ until: next.until }, 'a new TLS certificate is in use');
      }
      broken = told = '';
    } catch (error) {
      const trouble = `${mark} ${messageOf(error)}`;
      if (trouble === broken && trouble !== told) {
        log.error({ error: messageOf(error) }, 'the new TLS certificate is not used: the one before stays');
        told = trouble;
      }
      broken = trouble;
    }
  };
  let timer: NodeJS.Timeout;
  let ended = false;
  const again = (): void => {
    if (ended) return;
    timer = setTimeout(() => void look().then(again), pollMs);
    timer.unref();
  };
  again();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

async function readBoth({ certFile, keyFile }: TlsFiles): Promise<{ cert: Buffer; key: Buffer }> {
  const read = (name: string, path: string): Promise<Buffer> =>
    readFile(path).catch((error: unknown) => {
      throw new Invalid(`${name} can't be read: ${messageOf(error)}`);
    });
  const [cert, key] = await Promise.all([read('TLS_CERT_FILE', certFile), read('TLS_KEY_FILE', keyFile)]);
  return { cert, key };
}

function checkedPair(files: TlsFiles, { cert, key }: { cert: Buffer; key: Buffer }): TlsPair {
  const certificate = attempt(
    () => new X509Certificate(cert),
    `TLS_CERT_FILE (${files.certFile}) holds no certificate in the PEM format`,
  );
  const privateKey = attempt(
    () => createPrivateKey(key),
    `TLS_KEY_FILE (${files.keyFile}) holds no private key in the PEM format without a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Invalid(
      `TLS_KEY_FILE (${files.keyFile}) is not the key of the first certificate in TLS_CERT_FILE (${files.certFile})`,
    );
  }
  const pair = { cert, key, until: new Date(certificate.validTo) };
  // A key that is too short, a chain that is broken.
  attempt(
    () => createSecureContext(tlsOptions(pair)),
    'The certificate of TLS_CERT_FILE is of no use to OpenSSL',
  );
  return pair;
}

function attempt<T>(make: () => T, message: string): T {
  try {
    return make();
  } catch (error) {
    throw new Invalid(`${message}: ${messageOf(error)}`);
  }
}

function markOf({ cert, key }: { cert: Buffer; key: Buffer }): string {
  return createHash('sha256').update(cert).update('\0').update(key).digest('hex');
}
