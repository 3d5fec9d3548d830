import { once } from 'node:events';
import { parseWebhookSecret } from '../../delivery/signature';
import { messageOf } from '../../domain/errors';
import {
  CreateWebhookDocument,
  type CreateWebhookInput,
  DeleteWebhookDocument,
} from '../../generated/graphql';
import type { ApiClient } from '../api-client';
import { CommandFailure, EXIT, type ExitCode } from '../failure';
import { Listener, type ListenerOptions } from './listener';

export interface ListenOptions extends ListenerOptions {
  /** Opens a webhook at this server, and closes it at the end. */
  webhook: { api: ApiClient; input: Omit<CreateWebhookInput, 'name' | 'url'> } | { secret: string };
  stopped: AbortSignal;
}

/**
 * Shows what a webhook sends until the user stops it.
 * @throws CommandFailure where it can't listen, or the server refuses the webhook
 */
export async function listen(options: ListenOptions): Promise<ExitCode> {
  const { webhook, complain, stopped } = options;
  const listener = new Listener(options);
  const url = await listener.start();
  try {
    if ('secret' in webhook) {
      listener.secret = keyOf(webhook.secret);
      complain(`listening at ${url}; Ctrl-C ends it`);
      await ended(stopped);
      return EXIT.done;
    }
    const { api, input } = webhook;
    const { createWebhook } = await api.run(CreateWebhookDocument, {
      input: { ...input, name: 'trailgraph listen', url },
    });
    listener.secret = keyOf(createWebhook.secret);
    complain(
      `${api.server} sends to ${url}; Ctrl-C ends it and deletes the webhook ${createWebhook.webhook.id}`,
    );
    await ended(stopped);
    await api.run(DeleteWebhookDocument, { id: createWebhook.webhook.id });
    return EXIT.done;
  } finally {
    await listener.close();
  }
}

function keyOf(secret: string): Buffer {
  try {
    return parseWebhookSecret(secret);
  } catch (error) {
    throw new CommandFailure(`--secret: ${messageOf(error)}.`);
  }
}

async function ended(stopped: AbortSignal): Promise<void> {
  if (!stopped.aborted) await once(stopped, 'abort');
}
