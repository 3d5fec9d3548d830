import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files of a certificate and its key. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** An authority of a test's own, whose certificates are good for localhost and 127.0.0.1. Needs `openssl`. */
export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), 'trailgraph-tls-'));
  readonly caFile = join(this.folder, 'ca.pem');
  private readonly caKey = join(this.folder, 'ca.key');

  constructor() {
    const name = ['-subj', '/CN=Authority of a test', '-days', '2'];
    this.openssl('req', '-x509', ...newKey(this.caKey), '-out', this.caFile, ...name);
  }

  get ca(): Buffer {
    return readFileSync(this.caFile);
  }

  /** @param days until it ends; below 0 it has ended */
  issue(name: string, days = 2): CertificateFiles {
    const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((kind) =>
      join(this.folder, `${name}.${kind}`),
    ) as [string, string, string, string];
    writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    this.openssl('req', ...newKey(keyFile), '-out', request, '-subj', `/CN=${name}`);
    this.openssl(
      ...['x509', '-req', '-in', request, '-CA', this.caFile, '-CAkey', this.caKey, '-CAcreateserial'],
      ...['-extfile', extensions, '-days', String(days), '-out', certFile],
    );
    return { certFile, keyFile };
  }

  /** A certificate of a client's with its key in one file, and its subject as MongoDB writes it. */
  issueForClient(name: string): { file: string; subject: string } {
    const { certFile, keyFile } = this.issue(name);
    const file = join(this.folder, `${name}-client.pem`);
    writeFileSync(file, readFileSync(certFile, 'utf8') + readFileSync(keyFile, 'utf8'));
    return { file, subject: `CN=${name}` };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}
