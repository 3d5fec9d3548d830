import { setTimeout as delay } from 'node:timers/promises';
import type { Collection, Db } from 'mongodb';
import { Conflict, Unavailable } from '../../domain/errors';
import { LeaseStore } from '../leases';
import { MIGRATIONS } from './list';
import type { Migration } from './migration';

/** A migration of a database, as it is kept there. */
interface MigrationDocument {
  _id: number;
  name: string;
  startedAt: Date;
  /** Where the last piece ended. */
  position: string | null;
  doneAt: Date | null;
}

export interface MigrationStatus {
  number: number;
  name: string;
  state: 'PENDING' | 'STARTED' | 'DONE';
  /** Where a started one goes on. */
  position: string | null;
  doneAt: Date | null;
}

export interface MigrationLog {
  info(facts: object, message: string): void;
}

export interface MigratorOptions {
  log: MigrationLog;
  /** How long to wait for another process that migrates; enough for what ends soon, not for hours of work. */
  waitMs?: number;
  leaseMs?: number;
  migrations?: readonly Migration[];
}

const LEASE = 'migrations';
const LEASE_MS = 30_000;
const WAIT_MS = 60_000;
const ASK_EVERY_MS = 500;

/**
 * For whoever writes to a database without migrating it.
 * @throws Conflict where a newer program has migrated it
 */
export async function requireNoNewer(db: Db): Promise<void> {
  await new Migrator(db, { log: { info: () => undefined } }).status();
}

/**
 * Brings a database to what this program expects, before anything else uses it. One process at a time works, the
 * others wait for it; where one is killed, the next goes on at the position that was stored last.
 */
export class Migrator {
  private readonly collection: Collection<MigrationDocument>;
  private readonly leases: LeaseStore;
  private readonly migrations: readonly Migration[];

  constructor(
    private readonly db: Db,
    private readonly options: MigratorOptions,
  ) {
    this.collection = db.collection<MigrationDocument>('migrations');
    this.leases = new LeaseStore(db);
    this.migrations = options.migrations ?? MIGRATIONS;
  }

  /** @throws Conflict where a newer program has migrated the database */
  async status(): Promise<MigrationStatus[]> {
    const kept = await this.collection.find({}, { sort: { _id: 1 } }).toArray();
    const newest = kept.at(-1);
    const known = this.migrations.at(-1)?.number ?? 0;
    if (newest && newest._id > known) {
      throw new Conflict(
        `A newer version of TrailGraph has used this database: it is at migration ${newest._id} (${newest.name}), this program knows ${known}. Start that version, or restore a backup from before.`,
      );
    }
    return this.migrations.map(({ number, name }) => {
      const { position = null, doneAt = null } = kept.find(({ _id }) => _id === number) ?? {};
      const started = kept.some(({ _id }) => _id === number);
      return { number, name, state: doneAt ? 'DONE' : started ? 'STARTED' : 'PENDING', position, doneAt };
    });
  }

  /**
   * Does what is left to do.
   * @returns the numbers of those that this call ended
   * @throws Conflict as `status`; Unavailable where another process is still at it after the wait
   */
  async run(): Promise<number[]> {
    const { leaseMs = LEASE_MS } = this.options;
    if (!(await this.waitForTurn(leaseMs))) return [];
    let lost = false;
    const keep = setInterval(() => {
      const asked = this.leases.hold(LEASE, leaseMs);
      // An error says nothing of the lease: it is asked for again, and before each piece.
      void asked.then((held) => (lost ||= !held)).catch(() => undefined);
    }, leaseMs / 3);
    try {
      const ended: number[] = [];
      for (const { number, state } of await this.status()) {
        if (state === 'DONE') continue;
        const migration = this.migrations.find((each) => each.number === number)!;
        await this.migrate(migration, async () => !lost && (await this.leases.hold(LEASE, leaseMs)));
        ended.push(number);
      }
      return ended;
    } finally {
      clearInterval(keep);
      await this.leases.release(LEASE);
    }
  }

  /** @returns whether there is something to do, and this process holds the lease to do it */
  private async waitForTurn(leaseMs: number): Promise<boolean> {
    const { log, waitMs = WAIT_MS } = this.options;
    const deadline = Date.now() + waitMs;
    for (let told = false; ; ) {
      const left = (await this.status()).find(({ state }) => state !== 'DONE');
      if (!left) return false;
      if (await this.leases.hold(LEASE, leaseMs)) return true;
      const { number, name, position } = left;
      if (Date.now() > deadline) {
        throw new Unavailable(
          `Another process migrates the database since more than ${Math.round(waitMs / 1_000)} s: migration ${number} (${name}) is at ${position ?? 'its beginning'}. Start this one again when it is done; \`trailgraph migrate --status\` tells.`,
        );
      }
      if (!told) log.info({ number, name }, 'another process migrates the database: waiting for it');
      told = true;
      await delay(ASK_EVERY_MS);
    }
  }

  private async migrate({ number, name, step }: Migration, held: () => Promise<boolean>): Promise<void> {
    const { log } = this.options;
    const found = await this.collection.findOneAndUpdate(
      { _id: number },
      { $setOnInsert: { name, startedAt: new Date(), position: null, doneAt: null } },
      { upsert: true, returnDocument: 'after' },
    );
    let position = found?.position ?? null;
    log.info({ number, name, position }, 'migrating the database');
    for (;;) {
      if (!(await held()))
        throw new Unavailable('Another process has taken over the migrations: start again.');
      const next = await step(this.db, position);
      const set = next === null ? { doneAt: new Date() } : { position: next };
      await this.collection.updateOne({ _id: number }, { $set: set });
      if (next === null) break;
      position = next;
    }
    log.info({ number, name }, 'the database is migrated');
  }
}
