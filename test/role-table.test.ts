import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema } from 'graphql';
import { ROLES, type Role } from '../src/domain/user';
import { eventually } from './support/eventually';
import { documentOf, leastVariables, type Operation, operationsOf } from './support/generated-operations';
import { GraphqlClient } from './support/graphql-client';
import { opened, subscriptions } from './support/live-state';
import { RawSocket } from './support/raw-socket';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** Who may call each operation: everybody, or who has this role or a higher one. A new operation needs a row here. */
const LEAST_ROLE: Readonly<Record<string, Role | 'everybody'>> = {
  'Query.apiKeys': 'ADMIN',
  'Query.auditLog': 'ADMIN',
  'Query.backfill': 'VIEWER',
  'Query.batch': 'VIEWER',
  'Query.deliveries': 'VIEWER',
  'Query.delivery': 'VIEWER',
  'Query.deliveryTrace': 'VIEWER',
  'Query.event': 'VIEWER',
  'Query.events': 'VIEWER',
  'Query.eventStats': 'VIEWER',
  'Query.health': 'everybody',
  'Query.liveCursor': 'VIEWER',
  'Query.quarantine': 'VIEWER',
  'Query.quarantinedRecord': 'VIEWER',
  'Query.replay': 'VIEWER',
  'Query.replays': 'VIEWER',
  'Query.source': 'VIEWER',
  'Query.sources': 'VIEWER',
  'Query.users': 'ADMIN',
  'Query.viewer': 'everybody',
  'Query.webhook': 'VIEWER',
  'Query.webhooks': 'VIEWER',
  'Mutation.cancelBackfill': 'OPERATOR',
  'Mutation.cancelDelivery': 'OPERATOR',
  'Mutation.cancelReplay': 'OPERATOR',
  'Mutation.changePassword': 'VIEWER',
  'Mutation.createApiKey': 'ADMIN',
  'Mutation.createSource': 'OPERATOR',
  'Mutation.createUser': 'ADMIN',
  'Mutation.createWebhook': 'OPERATOR',
  'Mutation.deleteSource': 'OPERATOR',
  'Mutation.deleteUser': 'ADMIN',
  'Mutation.deleteWebhook': 'OPERATOR',
  'Mutation.fetchNow': 'OPERATOR',
  'Mutation.ingestEvents': 'OPERATOR',
  'Mutation.login': 'everybody',
  'Mutation.logout': 'VIEWER',
  'Mutation.pauseBackfill': 'OPERATOR',
  'Mutation.pauseSource': 'OPERATOR',
  'Mutation.pauseWebhook': 'OPERATOR',
  'Mutation.redeliver': 'OPERATOR',
  'Mutation.redeliverAll': 'OPERATOR',
  'Mutation.refreshSession': 'everybody',
  'Mutation.replayEvents': 'OPERATOR',
  'Mutation.resumeBackfill': 'OPERATOR',
  'Mutation.resumeSource': 'OPERATOR',
  'Mutation.resumeWebhook': 'OPERATOR',
  'Mutation.retryBatch': 'OPERATOR',
  'Mutation.retryQuarantined': 'OPERATOR',
  'Mutation.revokeApiKey': 'ADMIN',
  'Mutation.rotateIngestToken': 'OPERATOR',
  'Mutation.rotateWebhookSecret': 'OPERATOR',
  'Mutation.sendTestDelivery': 'OPERATOR',
  'Mutation.signUp': 'everybody',
  'Mutation.startBackfill': 'OPERATOR',
  'Mutation.testSource': 'OPERATOR',
  'Mutation.updateSource': 'OPERATOR',
  'Mutation.updateUser': 'ADMIN',
  'Mutation.updateWebhook': 'OPERATOR',
  'Subscription.backfillProgress': 'VIEWER',
  'Subscription.deliveryChanged': 'VIEWER',
  'Subscription.eventEnriched': 'VIEWER',
  'Subscription.sourceChanged': 'VIEWER',
};

const SCHEMA = buildSchema(readFileSync(join(__dirname, '../schema/schema.graphql'), 'utf8'));
const OPERATIONS = operationsOf(SCHEMA);

/** What the check of roles says, as against what an operation says of its arguments (a wrong password, say). */
const DENIALS: Readonly<Record<string, string>> = {
  'Log in first: this needs a caller.': 'UNAUTHENTICATED',
  'Your role does not allow this.': 'FORBIDDEN',
};

type CallerName = Role | 'nobody';

function expected(operation: Operation, caller: CallerName): string {
  const least = LEAST_ROLE[operation.name]!;
  if (least === 'everybody') return 'allowed';
  if (caller === 'nobody') return 'UNAUTHENTICATED';
  return ROLES.indexOf(caller) >= ROLES.indexOf(least) ? 'allowed' : 'FORBIDDEN';
}

interface ToldError {
  message: string;
  extensions: { code: string };
}

function verdict(errors: readonly ToldError[] | undefined): string {
  const denied = errors?.find(({ message }) => message in DENIALS);
  if (!denied)
    return errors?.some(({ extensions }) => extensions.code === 'INTERNAL_SERVER_ERROR')
      ? 'broken'
      : 'allowed';
  expect(denied.extensions.code).toBe(DENIALS[denied.message]);
  return denied.extensions.code;
}

describe('roles', () => {
  let app: TestTrailGraph;
  const tokens = new Map<CallerName, string>();

  const signIn = async (role: Role): Promise<string> => {
    const input = { email: `${role.toLowerCase()}@example.com`, password: 'correct horse battery' };
    const { login } = await app.anonymous.run<{ login: { accessToken: string } }>(
      'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }',
      { input },
    );
    return login.accessToken;
  };

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { WS_OPERATIONS: 'all' } });
    for (const role of [...ROLES].reverse()) {
      const email = `${role.toLowerCase()}@example.com`;
      await app.api.accounts.createUser({ email, password: 'correct horse battery' }, role);
      tokens.set(role, await signIn(role));
    }
  });
  afterAll(() => app.stop());

  test('are told for every operation of the schema, and for no other', () => {
    expect(Object.keys(LEAST_ROLE).sort()).toEqual(OPERATIONS.map(({ name }) => name).sort());
  });

  const callers: CallerName[] = ['nobody', ...ROLES];
  const overHttp = OPERATIONS.filter(({ kind }) => kind !== 'subscription');
  test.each(callers)('%s may call what the table says, and nothing else', async (caller) => {
    const found: Record<string, string> = {};
    for (const operation of overHttp) {
      // One that ends its own session is not to end that of the others.
      const token =
        operation.name === 'Mutation.logout' && caller !== 'nobody'
          ? await signIn(caller)
          : tokens.get(caller);
      const client = new GraphqlClient(app.url, token ?? null);
      const { errors } = await client.raw(documentOf(operation), leastVariables(operation));
      found[operation.name] = verdict(errors);
    }
    expect(found).toEqual(Object.fromEntries(overHttp.map((each) => [each.name, expected(each, caller)])));
  });

  test.each(callers)('%s may subscribe to what the table says, and to nothing else', async (caller) => {
    const found: Record<string, string> = {};
    const overWs = OPERATIONS.filter(({ kind }) => kind === 'subscription');
    for (const operation of overWs) {
      const token = tokens.get(caller);
      const socket = await RawSocket.open(app.url);
      socket.send({
        type: 'connection_init',
        ...(token ? { payload: { authorization: `Bearer ${token}` } } : {}),
      });
      await socket.next('connection_ack');
      socket.subscribe('1', documentOf(operation), leastVariables(operation));
      await eventually(
        async () => socket.messages.length > 0 || (await subscriptions(app)) === 1,
        `${operation.name} has begun, or was refused`,
      );
      found[operation.name] = verdict(errorsIn(socket.messages[0]?.payload));
      socket.cut();
      await opened(app, 0);
    }
    expect(found).toEqual(Object.fromEntries(overWs.map((each) => [each.name, expected(each, caller)])));
  });
});

function errorsIn(payload: unknown): readonly ToldError[] | undefined {
  return Array.isArray(payload) ? payload : (payload as { errors?: ToldError[] } | undefined)?.errors;
}
