import type { FastifyInstance } from 'fastify';
import type { CallerCache } from './auth/caller-cache';
import { tokenMatches } from './auth/opaque-token';
import { atLeast } from './auth/roles';
import type { Core } from './core';
import { Forbidden, Unauthenticated } from './domain/errors';
import type { Source } from './domain/source';
import type { IngestGate } from './pipeline/ingest-gate';
import type { PushCredential } from './rest/push-credentials';
import { addPushDoor } from './rest/push-door';
import type { RecordBodies } from './rest/sent-body';

export interface ApiPushParts {
  gate: IngestGate;
  bodies: RecordBodies;
  callers: CallerCache;
}

/** Adds the door at which records are pushed. */
export async function addPushDoorOf(
  app: FastifyInstance,
  { sources, now, log }: Core,
  { gate, bodies, callers }: ApiPushParts,
): Promise<void> {
  await addPushDoor(app, {
    source: (id) => sources.get(id),
    admit: (source, credential) => admit(source, credential, callers),
    submit: (source, body, options) =>
      gate.submit({ sourceId: source._id, kind: source.kind }, body, options),
    setPending: ({ _id }, pendingSubscription) => sources.setStatus(_id, { pendingSubscription }),
    now,
    bodies,
    log,
  });
}

/** The source's own token opens its door; so does the access token or the API key of an OPERATOR. */
async function admit(source: Source, { token, bearer }: PushCredential, callers: CallerCache): Promise<void> {
  if (source.httpPush && tokenMatches(token, source.httpPush.tokenHash)) return;
  const refused = new Unauthenticated('There is no such source, or the token is not its own.');
  if (!bearer) throw refused;
  const caller = await callers.authenticate(token).catch((error: unknown) => {
    if (error instanceof Unauthenticated) throw refused;
    throw error;
  });
  if (!atLeast(caller.role, 'OPERATOR')) throw new Forbidden('Only an OPERATOR may ingest.');
}
