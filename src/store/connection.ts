import { randomBytes } from 'node:crypto';
import type { Db } from 'mongodb';
import mongoose, { type Connection, type ConnectOptions } from 'mongoose';
import { connectFailure } from './refusal';

/** An open connection to MongoDB. The owner closes it. */
export interface StoreConnection {
  connection: Connection;
  db: Db;
  close(): Promise<void>;
}

/** Server selection 2 s and sockets 12 s: a request fails within 2 s while the database is away (requirements B3). */
const SERVER_SELECTION_MS = 2_000;
const SOCKET_TIMEOUT_MS = 12_000;

/**
 * Connects to MongoDB. Every write is acknowledged by a majority and its journal, and the primary is read, whatever the
 * URI says: work is claimed by what was read. What a majority may not have yet can be read; where somebody else would
 * act on it after a failover took it back, `DURABLE` is asked for.
 * @param uri the database's name stands in it; `trailgraph` where it does not
 * @throws Unavailable when no server answers within `firstAnswerMs`, or none that takes us, with what to do
 */
export async function connectStore(uri: string, firstAnswerMs = 10_000): Promise<StoreConnection> {
  const options: ConnectOptions = {
    autoIndex: false,
    autoCreate: false,
    bufferCommands: false,
    serverSelectionTimeoutMS: SERVER_SELECTION_MS,
    connectTimeoutMS: SERVER_SELECTION_MS,
    socketTimeoutMS: SOCKET_TIMEOUT_MS,
    heartbeatFrequencyMS: 2_000,
    maxPoolSize: 32,
    retryWrites: true,
    readPreference: 'primary',
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: SOCKET_TIMEOUT_MS },
    appName: 'trailgraph',
    ...(databaseIn(uri) ? {} : { dbName: 'trailgraph' }),
  };
  const connection = mongoose.createConnection(uri, options);
  connection.on('error', () => undefined); // Each operation reports its own failure; this only keeps it from being uncaught.
  const deadline = performance.now() + firstAnswerMs;
  for (;;) {
    try {
      await connection.asPromise();
      const db = connection.db;
      if (!db) throw new Error('the connection has no database');
      await db.command({ ping: 1 }, { timeoutMS: SERVER_SELECTION_MS });
      return { connection, db: db as unknown as Db, close: () => connection.close() };
    } catch (error) {
      if (performance.now() > deadline) {
        await connection.close().catch(() => undefined);
        throw connectFailure(error);
      }
      await connection.openUri(uri, options).catch(() => undefined);
    }
  }
}

function databaseIn(uri: string): boolean {
  return /^mongodb(?:\+srv)?:\/\/[^/]+\/[^?]/.test(uri);
}

/**
 * Reads what a majority has: no failover takes it back. It may lag some milliseconds behind, after an election more, so
 * that what is missing means "not yet".
 */
export const DURABLE = { readConcern: { level: 'majority' } } as const;

/** A fencing token: who holds a lease writes by it, and only while it stands. */
export function fencingToken(): string {
  return randomBytes(12).toString('hex');
}

/** Duplicate key: what was to be inserted is there already. */
export const DUPLICATE_KEY = 11000;

/** Whether a write failed because a document with this key is there already. */
export function isDuplicateKey(
  error: unknown,
): error is { code: number; keyPattern?: Record<string, unknown> } {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === DUPLICATE_KEY;
}

/** Every query of ours is bounded by this (requirements C7). */
export const QUERY_MS = 10_000;
