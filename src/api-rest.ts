import type { FastifyInstance } from 'fastify';
import { sourceAdminOf, webhookAdminOf } from './api-resolvers';
import type { AuditAttempt } from './auth/audit-trail';
import { sessionIdOf } from './auth/refresh-tokens';
import type { Core } from './core';
import { NotFound, Unavailable } from './domain/errors';
import { DIRECT_SOURCE_ID, type Source, type SourceKind } from './domain/source';
import { normalEmail, type User } from './domain/user';
import { EventReader } from './graphql/events/event-reader';
import type { AddressGuard } from './net/address-guard';
import type { People } from './open-people';
import { openKeys } from './opened-secrets';
import type { IngestGate } from './pipeline/ingest-gate';
import type { Asker } from './rest/asker';
import { addEnrichmentApi, type EnrichmentApiParts } from './rest/enrichment/enrichment-api';
import type { RecordBodies } from './rest/sent-body';
import { addSourcesApi, type SourcesApiParts } from './rest/sources/sources-api';
import { SourceCallbacks } from './source-callbacks';

export interface RestParts {
  people: People;
  gate: IngestGate;
  bodies: RecordBodies;
  guards: { webhooks: AddressGuard; endpoints: AddressGuard };
}

/** Clients of the enrichment program can not refresh a token. */
const TOKEN_SECONDS = 24 * 3_600;
const AWS_KINDS: SourceKind[] = ['LOOKUP_EVENTS', 'S3_BUCKET', 'S3_SQS'];
const SOURCES_A_PAGE = 500;
/** Twice what one slice holds: more than any worker has inserted and not yet committed. */
const LOOK_BACK = 2_000;

/** Adds the APIs of the two programs that TrailGraph stands in for: what each mutation does stands here, by name. */
export async function addRestApis(app: FastifyInstance, core: Core, parts: RestParts): Promise<void> {
  await addEnrichmentApi(app, enrichmentParts(core, parts));
  await addSourcesApi(app, sourcesParts(core, parts));
}

function enrichmentParts(core: Core, { people, gate, bodies }: RestParts): EnrichmentApiParts {
  const { accounts, cache, door, audit } = people;
  return {
    log: core.log,
    bodies,
    authenticate: (token) => cache.authenticate(token),
    signUp: async (credentials, setupToken, asker) => {
      const { user, refreshToken } = await audit.signIn(
        attemptOf('signUp', normalEmail(credentials.email), asker),
        () => door.signUp(credentials, setupToken, asker.ip),
        signedIn,
      );
      // A sign-up signs nobody in here, so nobody is left with a session.
      const sessionId = sessionIdOf(refreshToken);
      if (sessionId !== null) await accounts.logout(sessionId);
      return user;
    },
    createUser: (credentials, role, asker) =>
      audit.run(
        attemptOf('createUser', normalEmail(credentials.email), asker, { role }),
        () => accounts.createUser(credentials, role),
        ({ _id }) => ({ target: _id }),
      ),
    login: async (credentials, asker) => {
      const session = await audit.signIn(
        attemptOf('login', normalEmail(credentials.email), asker),
        () => door.login(credentials, asker.ip),
        signedIn,
      );
      return { ...(await accounts.prolonged(session, TOKEN_SECONDS)), user: session.user };
    },
    ingest: async (body, { requestId }) => {
      const source = await core.sources.get(DIRECT_SOURCE_ID);
      if (!source) throw new NotFound('There is no source direct.');
      if (source.state === 'PAUSED') throw new Unavailable('The source is paused.', 60);
      return gate.submit({ sourceId: source._id, kind: source.kind }, body, { requestId });
    },
    newest: (limit) => newestEvents(new EventReader(core.events, core.commits), limit),
  };
}

/** The newest by eventTime of those that are committed. */
async function newestEvents(reader: EventReader, limit: number) {
  const newestFirst = { field: 'eventTime', descending: true } as const;
  const page = await reader.page(null, newestFirst, { limit });
  const short = page.nodes.length < limit && page.pageInfo.hasNextPage;
  const { nodes } = short ? await reader.page(null, newestFirst, { limit: LOOK_BACK }) : page;
  return nodes.slice(0, limit).map(({ stored }) => stored);
}

function attemptOf(
  action: string,
  target: string | null,
  { caller, ip, requestId }: Asker,
  changes: AuditAttempt['changes'] = {},
): AuditAttempt {
  return { actor: caller?.name ?? 'anonymous', action, target, ip, requestId, changes };
}

function signedIn({ user }: { user: User }) {
  return { actor: user.email, target: user._id };
}

function sourcesParts(core: Core, { people, guards }: RestParts): SourcesApiParts {
  const { audit, cache } = people;
  const sourceAdmin = sourceAdminOf(core, guards.endpoints);
  const webhookAdmin = webhookAdminOf(core, guards.webhooks);
  const callbacks = new SourceCallbacks({ core, sourceAdmin, webhookAdmin });
  return {
    log: core.log,
    authenticate: (token) => cache.authenticate(token),
    list: async () => {
      const sources = await awsSources(core);
      const found = await callbacks.of(sources.map(({ _id }) => _id));
      return sources.map((source) => ({
        source,
        accessKeyId: openKeys(core, source)?.accessKeyId ?? null,
        callbackUrl: found.find(({ sourceIds }) => sourceIds?.[0] === source._id)?.url ?? null,
      }));
    },
    create: (given, asker) => {
      const { id, callbackUrl } = given;
      const changes = { callback: callbackUrl === null ? null : originOf(callbackUrl) };
      const create = (): Promise<Source> => callbacks.create(given, asker.role);
      return audit.run(attemptOf('createSource', id, asker, changes), create, ({ _id }) => ({ target: _id }));
    },
    delete: (id, asker) =>
      audit.run(attemptOf('deleteSource', id, asker), async () => {
        const source = await sourceAdmin.get(id);
        if (!AWS_KINDS.includes(source.kind)) throw new NotFound(`There is no source ${id} that reads AWS.`);
        await callbacks.delete(id);
      }),
  };
}

/** The rest of it may be a secret. */
function originOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).origin : null;
}

async function awsSources({ sources }: Core): Promise<Source[]> {
  const found: Source[] = [];
  for (;;) {
    const after = found.at(-1);
    const page = await sources.page(
      { kinds: AWS_KINDS },
      {
        limit: SOURCES_A_PAGE,
        after: after ? { value: after.createdAt.getTime(), id: after._id } : null,
      },
    );
    found.push(...page.items.map(({ item }) => item));
    if (!page.hasNext) return found;
  }
}
