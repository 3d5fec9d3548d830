import { setTimeout as delay } from 'node:timers/promises';
import { SecretBox } from './auth/secret-box';
import type { Settings } from './config/settings';
import { isDatabaseAway } from './domain/database-away';
import { messageOf, Unavailable } from './domain/errors';
import type { Logger } from './observe/logger';
import { requireMasterKey } from './rekey';
import type { StoreConnection } from './store/connection';
import { ensureIndexes } from './store/indexes';
import { Migrator } from './store/migrations/migrator';
import { SealedSecretStore } from './store/sealed-secrets';

export interface PrepareStoreOptions {
  settings: Pick<Settings, 'RETENTION_DAYS'>;
  masterKey: Buffer;
  previousKey: Buffer | null;
  log: Logger;
}

/** After a failover members may follow one that is gone for half a minute, and a majority takes no write so long. */
const WRITABLE_WITHIN_MS = 60_000;
const TRY_AGAIN_MS = 500;

/**
 * Brings a database that answers to what this program expects, waiting for one that takes no writes.
 * @throws Conflict where another key sealed its secrets or a newer program has migrated it, Unavailable where it took no
 *   write within a minute
 */
export async function prepareStore(db: StoreConnection['db'], options: PrepareStoreOptions): Promise<void> {
  const deadline = performance.now() + WRITABLE_WITHIN_MS;
  for (;;) {
    try {
      await prepare(db, options);
      return;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      const message = messageOf(error);
      if (performance.now() > deadline)
        throw new Unavailable(
          `MongoDB answers, but took no write within ${WRITABLE_WITHIN_MS / 1_000} s (${message}). Has its replica set a primary, and a majority?`,
        );
      options.log.warn({ error: message }, 'MongoDB takes no writes: the start waits');
      await delay(TRY_AGAIN_MS);
    }
  }
}

/** May be done again: what is done stays. */
async function prepare(
  db: StoreConnection['db'],
  { settings, masterKey, previousKey, log }: PrepareStoreOptions,
): Promise<void> {
  await requireMasterKey(new SealedSecretStore(db), new SecretBox(masterKey, previousKey));
  await new Migrator(db, { log }).run();
  await ensureIndexes(db, { eventsDays: settings.RETENTION_DAYS });
}
