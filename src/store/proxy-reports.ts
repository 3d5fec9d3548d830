import type { Collection, Db } from 'mongodb';
import { QUERY_MS } from './connection';

interface ProxyReportDocument {
  _id: string;
  at: Date;
  message: string;
}

const ID = 'webhook-proxy';
/** A proxy that fails is asked again, and told of, at least every minute while there is something to send. */
const STANDS_MS = 150_000;

/** What workers found out about the proxy for webhooks, for the API to tell. */
export class ProxyReports {
  private readonly meta: Collection<ProxyReportDocument>;

  constructor(db: Db) {
    this.meta = db.collection<ProxyReportDocument>('meta');
  }

  async failing(message: string): Promise<void> {
    await this.meta.updateOne({ _id: ID }, [{ $set: { at: '$$NOW', message: { $literal: message } } }], {
      upsert: true,
      maxTimeMS: QUERY_MS,
    });
  }

  async mended(): Promise<void> {
    await this.meta.deleteOne({ _id: ID }, { maxTimeMS: QUERY_MS });
  }

  /** What is wrong; null where a worker got through since, or none has tried for minutes. */
  async trouble(): Promise<string | null> {
    const [report] = await this.meta
      .aggregate<{ message: string }>(
        [
          { $match: { _id: ID, $expr: { $gt: ['$at', { $subtract: ['$$NOW', STANDS_MS] }] } } },
          { $project: { message: 1 } },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return report?.message ?? null;
  }
}
