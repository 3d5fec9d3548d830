import type { SealedSecret } from './auth/secret-box';
import type { Core } from './core';
import { parseWebhookSecret } from './delivery/signature';
import type { Source } from './domain/source';
import type { Webhook } from './domain/webhook';
import type { OpenedSecrets } from './pipeline/forward/sender';
import type { StaticKeys } from './sources/aws/aws-clients';

/** The access keys of a source, unsealed; null where it has none of its own. */
export function openKeys(core: Core, source: Source): StaticKeys | null {
  const sealed = source.aws?.staticKeys;
  if (!sealed) return null;
  const place = { collection: 'sources', id: source._id, field: 'aws.staticKeys' };
  return JSON.parse(core.box.open(sealed as SealedSecret, place).toString('utf8')) as StaticKeys;
}

/** What a webhook's requests are signed with and carry, unsealed. */
export function openWebhook(core: Core, webhook: Webhook): OpenedSecrets {
  const { _id: id, secret, oldSecrets, signingKey, headers } = webhook;
  const open = (sealed: object, field: string): Buffer =>
    core.box.open(sealed as SealedSecret, { collection: 'webhooks', id, field });
  const now = core.now();
  const signing = [secret, ...oldSecrets.filter(({ until }) => until > now).map((old) => old.secret)];
  return {
    secrets: signing.map((each) => parseWebhookSecret(open(each, 'secret').toString('utf8'))),
    signingKey: signingKey ? open(signingKey.privateKey, 'signingKey') : null,
    headers: Object.fromEntries(
      headers.map(({ name, value }) => [name, open(value, `headers.${name.toLowerCase()}`).toString('utf8')]),
    ),
  };
}
