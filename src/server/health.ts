import type { Redis } from 'ioredis';
import type { Db } from 'mongodb';
import { messageOf } from '../domain/errors';
import type { HealthStatus } from '../domain/source';
import type { Health } from '../graphql/health/types';
import { valkeyRefusal } from '../valkey/refusal';

interface Component {
  name: string;
  status: HealthStatus;
  latencyMs: number | null;
  message: string | null;
}

const ANSWER_MS = 2_000;
const SLOW_MS = 1_000;
/** Many who ask at once cost one round of pings. */
const FRESH_MS = 500;

/** The proxy for webhooks, as the workers found it. */
export interface ProxyOfWebhooks {
  /** Whether there is one, as far as this process knows. */
  used: boolean;
  /** What is wrong; null where nothing is. */
  trouble: () => Promise<string | null>;
}

/** Asks the parts that we rest on how they are. MongoDB decides; without Valkey we are slower, not unready. */
export class HealthCheck {
  private readonly startedAt = performance.now();
  private last: { at: number; health: Promise<Health> } | null = null;
  /** What to do where Valkey refuses us: a command that fails for want of a connection does not say it. */
  private valkeyRefusal: string | null = null;

  constructor(
    private readonly db: Db,
    private readonly valkey: Redis,
    private readonly version: string,
    private readonly proxy: ProxyOfWebhooks,
  ) {
    valkey.on('error', (error) => {
      this.valkeyRefusal = valkeyRefusal(error) ?? this.valkeyRefusal;
    });
    valkey.on('ready', () => {
      this.valkeyRefusal = null;
    });
  }

  check(): Promise<Health> {
    const now = performance.now();
    if (!this.last || now - this.last.at > FRESH_MS) this.last = { at: now, health: this.ask() };
    return this.last.health;
  }

  /** Nothing where there is none; while the workers' word can't be read, that is MongoDB's matter. */
  private async webhookProxy(): Promise<Component[]> {
    const message = await inTime(this.proxy.trouble()).catch(() => null);
    if (message === null && !this.proxy.used) return [];
    const status = message === null ? 'HEALTHY' : 'DEGRADED';
    return [{ name: 'webhook proxy', status, latencyMs: null, message: message?.slice(0, 200) ?? null }];
  }

  private async pingValkey(): Promise<void> {
    try {
      await this.valkey.ping();
    } catch (error) {
      throw new Error(this.valkeyRefusal ?? messageOf(error), { cause: error });
    }
  }

  private async ask(): Promise<Health> {
    const [mongodb, valkey, proxy] = await Promise.all([
      probe('mongodb', 'FAILING', () => this.db.command({ ping: 1 }, { timeoutMS: ANSWER_MS })),
      probe('valkey', 'DEGRADED', () => this.pingValkey()),
      this.webhookProxy(),
    ]);
    const components = [mongodb, valkey, ...proxy];
    const status =
      mongodb.status === 'FAILING'
        ? 'FAILING'
        : components.every(({ status: s }) => s === 'HEALTHY')
          ? 'HEALTHY'
          : 'DEGRADED';
    return {
      status,
      version: this.version,
      uptimeSeconds: Math.round((performance.now() - this.startedAt) / 100) / 10,
      components,
    };
  }
}

async function probe(name: string, whenAway: HealthStatus, ping: () => Promise<unknown>): Promise<Component> {
  const started = performance.now();
  try {
    await inTime(ping());
    const latencyMs = Math.round((performance.now() - started) * 10) / 10;
    return { name, status: latencyMs > SLOW_MS ? 'DEGRADED' : 'HEALTHY', latencyMs, message: null };
  } catch (error) {
    return { name, status: whenAway, latencyMs: null, message: messageOf(error, 200) };
  }
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
