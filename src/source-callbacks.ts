import type { Core } from './core';
import { Conflict, NotFound } from './domain/errors';
import type { Source } from './domain/source';
import type { Role } from './domain/user';
import type { Webhook } from './domain/webhook';
import { newSourceId, type SourceAdmin } from './graphql/sources/source-admin';
import type { WebhookAdmin } from './graphql/webhooks/webhook-admin';

export interface SourceCallbacksParts {
  core: Pick<Core, 'sources' | 'webhooks' | 'commits'>;
  sourceAdmin: SourceAdmin;
  webhookAdmin: WebhookAdmin;
}

export interface SourceWithCallback {
  /** Made where it is null. */
  id: string | null;
  /** As `createSource` takes it. */
  input: unknown;
  callbackUrl: string | null;
}

/**
 * Sources with a callback: a webhook of format FORWARDER_V1 that hears of that source alone.
 *
 * The callback is made before its source and deleted before it. So there is never a source that brings events and has
 * lost its callback: a process that dies in between leaves a callback of a source that is not there, which hears of
 * nothing, and the same request sent again ends what was begun.
 */
export class SourceCallbacks {
  constructor(private readonly parts: SourceCallbacksParts) {}

  /** The callbacks of these sources, oldest first. */
  of(sourceIds: string[]): Promise<Webhook[]> {
    return this.parts.core.webhooks.ofOneSource('FORWARDER_V1', sourceIds);
  }

  /** @throws Invalid, Forbidden, Conflict where the id is or was in use: then nothing is left of the callback */
  async create({ id: given, input, callbackUrl }: SourceWithCallback, role: Role): Promise<Source> {
    const { core, sourceAdmin, webhookAdmin } = this.parts;
    if (!callbackUrl) return (await sourceAdmin.create(input, role, given)).source;
    webhookAdmin.checkUrl(callbackUrl);
    await sourceAdmin.draft(null, input, role);
    const id = given ?? newSourceId();
    if (await core.sources.getAny(id))
      throw new Conflict(`A source with the id ${id} exists, or did: choose another id.`);
    const callback = { name: `callback of ${id}`, url: callbackUrl, format: 'FORWARDER_V1', sourceIds: [id] };
    const { webhook } = await webhookAdmin.create(callback, { sourceToCome: id });
    let source: Source;
    try {
      ({ source } = await sourceAdmin.create(input, role, id));
    } catch (error) {
      await this.deleteCallback(webhook);
      throw error;
    }
    // What an earlier try left that died before its source was made.
    for (const each of await this.of([id])) if (each._id !== webhook._id) await this.deleteCallback(each);
    return source;
  }

  /** Deletes a source and its callbacks. @throws NotFound */
  async delete(id: string): Promise<void> {
    for (const callback of await this.of([id])) await this.deleteCallback(callback);
    await this.parts.sourceAdmin.delete(id);
  }

  private async deleteCallback({ _id }: Webhook): Promise<void> {
    await this.parts.webhookAdmin.delete(_id).catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error; // Another request for this source did it.
    });
  }
}
