import { derivedToken } from './auth/derived-token';
import { secretHint } from './auth/ingest-tokens';
import { hashToken } from './auth/opaque-token';
import type { SecretBox } from './auth/secret-box';
import { Conflict, Invalid } from './domain/errors';
import { DIRECT_SOURCE_ID, type HttpPushConfig } from './domain/source';
import type { SealedSecretStore, StoredSecret } from './store/sealed-secrets';
import type { SourceStore } from './store/sources';

/** How far a change of master keys is. */
export interface RekeyCounts {
  /** Under the old key. */
  due: number;
  /** Under the new one already. */
  done: number;
}

/** Each pass finds what servers sealed meanwhile; they can't be faster for ever. */
const MAX_PASSES = 5;

/**
 * Opens every secret of the database, and changes nothing.
 * @throws Invalid naming the first that neither key opens, BrokenSeal where one was changed
 */
export async function surveySecrets(
  secrets: SealedSecretStore,
  from: SecretBox,
  to: SecretBox,
): Promise<RekeyCounts> {
  const counts: RekeyCounts = { due: 0, done: 0 };
  for await (const secret of secrets.all()) {
    const { keyId } = secret.sealed;
    if (keyId !== to.keyId && keyId !== from.keyId) throw foreign(secret, [from.keyId, to.keyId]);
    (keyId === to.keyId ? to : from).open(secret.sealed, secret);
    if (keyId === to.keyId) counts.done++;
    else counts.due++;
  }
  return counts;
}

/**
 * Puts every secret under the new master key: one after the other, so it may end anywhere and be run again.
 * @param tell how many were put under it, now and then
 * @returns how many
 * @throws Conflict where a server goes on sealing under the old key
 */
export async function rewrapSecrets(
  secrets: SealedSecretStore,
  from: SecretBox,
  to: SecretBox,
  tell: (rewrapped: number) => void,
): Promise<number> {
  let rewrapped = 0;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let found = 0;
    for await (const secret of secrets.all()) {
      if (secret.sealed.keyId === to.keyId) continue;
      found++;
      if (await secrets.replace(secret, to.rewrap(secret.sealed, secret, from))) tell(++rewrapped);
    }
    if (found === 0) return rewrapped;
  }
  throw new Conflict('A server goes on sealing under the old master key: stop it, then run this again.');
}

/** What the built-in source `direct` keeps of its token, which follows from the master key. */
export function directTokenOf(masterKey: Buffer): HttpPushConfig {
  const token = derivedToken(masterKey, 'direct ingest token');
  return { tokenHash: hashToken(token), tokenHint: secretHint(token) };
}

/** Has the source `direct` opened by the token of the new key, unless somebody gave it one of his own. */
export function followKey(sources: SourceStore, from: Buffer, to: Buffer): Promise<void> {
  return sources.replaceToken(DIRECT_SOURCE_ID, directTokenOf(from).tokenHash, directTokenOf(to));
}

/** @throws Invalid where a secret of the database was sealed with a master key that is not at hand */
export async function requireMasterKey(secrets: SealedSecretStore, box: SecretBox): Promise<void> {
  const secret = await secrets.foreign(box.keyIds);
  if (secret) throw foreign(secret, box.keyIds);
}

function foreign({ collection, id, field, sealed }: StoredSecret, atHand: string[]): Invalid {
  return new Invalid(
    `This is not the master key of this database: the secret ${field} in ${collection} ${id} was sealed with key ${String(sealed.keyId).slice(0, 64)}, but at hand is ${atHand.join(' and ')}. Give the right TRAILGRAPH_MASTER_KEY (with embedded servers: the master.key of their folder); if \`trailgraph rekey\` was interrupted, run it again.`,
  );
}
