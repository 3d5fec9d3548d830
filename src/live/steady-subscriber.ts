import type { Redis } from 'ioredis';

type Said = (error: Error | null) => void;

/**
 * The listening connection as RedisPubSub sees it: a subscription stands from the moment it is asked for, whether or
 * not the server can be reached just then, and what could not be said is said when the connection is back. RedisPubSub
 * itself and ioredis' own resubscribing leave a failure here as an unhandled rejection, which would end the process.
 */
export class SteadySubscriber {
  private readonly wanted = new Set<string>();

  constructor(private readonly connection: Redis) {
    connection.on('ready', () => {
      for (const channel of this.wanted) this.say('subscribe', channel);
    });
  }

  /** RedisPubSub's own way in: the connection as if it were only that. */
  static over(connection: Redis): Redis {
    return new SteadySubscriber(connection) as unknown as Redis;
  }

  on(event: string, listener: (...given: unknown[]) => void): this {
    this.connection.on(event, listener);
    return this;
  }

  subscribe(channel: string, said: Said): void {
    this.wanted.add(channel);
    this.say('subscribe', channel, () => said(null));
  }

  unsubscribe(channel: string): void {
    this.wanted.delete(channel);
    this.say('unsubscribe', channel);
  }

  /** RedisPubSub ends patterns along with every channel; there are none here. */
  punsubscribe(): void {}

  private say(what: 'subscribe' | 'unsubscribe', channel: string, said: () => void = () => undefined): void {
    // A failure means that the connection goes or is gone: `ready` will say it again.
    this.connection[what](channel).then(said, said);
  }
}
