import { RedisPubSub } from 'graphql-redis-subscriptions';
import type { Redis } from 'ioredis';
import type { Commit } from '../domain/commit';
import type { StoredEvent } from '../domain/event';
import { SteadySubscriber } from './steady-subscriber';

/** What travels when a slice was committed: its number, and its events where they were in hand. */
export interface CommitMessage {
  commit: Pick<Commit, '_id' | 'run' | 'silent'>;
  events: StoredEvent[] | null;
}

/** For how long a count of listeners is believed. */
const LISTENERS_FRESH_MS = 500;
/** After a failure nothing is published for so long: a frozen Valkey takes a second to fail, and each slice would wait. */
const REST_MS = 2_000;

/**
 * The pub/sub between those who commit and those who follow. It may lose what it likes: followers read the commits
 * wherever a number is missing, and each second without news.
 */
export class CommitBus {
  private readonly pubsub: RedisPubSub;
  private readonly channel: string;
  private restUntil = Number.NEGATIVE_INFINITY;
  private listeners = { count: 0, at: Number.NEGATIVE_INFINITY };

  constructor(
    private readonly publisher: Redis,
    private readonly subscriber: Redis,
    prefix: string,
  ) {
    this.channel = `${prefix}:commits`;
    this.pubsub = new RedisPubSub({
      publisher,
      subscriber: SteadySubscriber.over(subscriber),
      serializer: encode,
      deserializer: (text) => decode(String(text)),
    });
  }

  /**
   * Publishes a slice, if anybody listens and Valkey has not just failed. A failure is the caller's to count: nothing
   * depends on it.
   */
  async publish(message: CommitMessage): Promise<void> {
    if (performance.now() < this.restUntil) return;
    try {
      if ((await this.countListeners()) > 0) await this.pubsub.publish(this.channel, message);
    } catch (error) {
      this.restUntil = performance.now() + REST_MS;
      throw error;
    }
  }

  /** @returns what ends the subscription */
  async listen(onMessage: (message: CommitMessage) => void): Promise<() => void> {
    const id = await this.pubsub.subscribe(this.channel, (message: CommitMessage | null) => {
      if (message) onMessage(message);
    });
    return () => this.pubsub.unsubscribe(id);
  }

  /** Calls back whenever the connection that listens is there again: something may have been missed. */
  onReconnect(callback: () => void): void {
    this.subscriber.on('ready', callback);
  }

  async close(): Promise<void> {
    this.publisher.disconnect();
    this.subscriber.disconnect();
  }

  private async countListeners(): Promise<number> {
    const now = performance.now();
    if (now - this.listeners.at > LISTENERS_FRESH_MS) {
      const answer = (await this.publisher.pubsub('NUMSUB', this.channel)) as [string, number];
      this.listeners = { count: Number(answer[1]), at: now };
    }
    return this.listeners.count;
  }
}

/** Base64 keeps the bytes of the address small. Only that one member: a record may hold anything of any name. */
function encode({ commit, events }: CommitMessage): string {
  const sent = events?.map((event) =>
    event.address ? { ...event, address: Buffer.from(event.address).toString('base64') } : event,
  );
  return JSON.stringify({ commit, events: sent ?? null });
}

/** Reads a message back: dates and bytes are what they were. Null for what is not ours. */
function decode(text: string): CommitMessage | null {
  const message = parsed(text);
  if (!Number.isSafeInteger(message?.commit?._id)) return null;
  for (const event of message?.events ?? []) {
    event.eventTime = new Date(event.eventTime);
    event.ingestedAt = new Date(event.ingestedAt);
    if (typeof event.address === 'string') event.address = Buffer.from(event.address, 'base64');
  }
  return message;
}

/** RedisPubSub would hand on a text that can't be read as if it were a message. */
function parsed(text: string): CommitMessage | null {
  try {
    return JSON.parse(text) as CommitMessage | null;
  } catch {
    return null;
  }
}
