import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script on one key, sent by its hash where Valkey knows it. */
export class Script {
  private readonly sha: string;

  constructor(private readonly text: string) {
    this.sha = createHash('sha1').update(text).digest('hex');
  }

  async run(
    valkey: Pick<Redis, 'evalsha' | 'eval'>,
    key: string,
    args: (string | number)[],
  ): Promise<unknown> {
    try {
      return await valkey.evalsha(this.sha, 1, key, ...args);
    } catch (error) {
      // Scripts are gone after a restart.
      if (!/^NOSCRIPT/.test(String((error as { message?: unknown }).message))) throw error;
      return valkey.eval(this.text, 1, key, ...args);
    }
  }
}
