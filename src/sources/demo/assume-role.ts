import type { Entry } from './catalogue';
import { STS } from './services/access';
import type { Session } from './sessions';
import { type Call, readFull } from './template';
import { later, wordedTime } from './times';
import type { Actor } from './workloads';

const SESSION_SECONDS = 3600;

function entry(name: string): Entry {
  return { service: STS, event: readFull(name, 0, () => ({ request: null }), { infallible: true }) };
}

const ASSUME_ROLE = entry('AssumeRole');
const WITH_SAML = entry('AssumeRoleWithSAML');
const WITH_WEB_IDENTITY = entry('AssumeRoleWithWebIdentity');

/** The event by which this session is issued, with its parameters and the credentials without their secret. */
export function issueOf(session: Session): { entry: Entry; call: Call } {
  const { role, name, dice } = session;
  const base = { roleArn: role.arn, roleSessionName: name };
  const answer = {
    credentials: {
      accessKeyId: session.accessKeyId,
      sessionToken: `IQoJb3JpZ2luX2VjE${dice.base64(120)}`,
      expiration: wordedTime(later(session.start, SESSION_SECONDS)),
    },
    assumedRoleUser: { assumedRoleId: `${role.id}:${name}`, arn: session.actor.arn },
  };
  const resource = { accountId: session.account.id, type: 'AWS::IAM::Role', ARN: role.arn };
  switch (session.kind) {
    case 'saml': {
      const provider = `arn:aws:iam::${session.account.id}:saml-provider/AWSSSO_0c2b8e7d9f1a4563_DO_NOT_DELETE`;
      return {
        entry: WITH_SAML,
        call: {
          request: {
            sAMLAssertionID: `_${dice.uuid()}`,
            ...base,
            principalArn: provider,
            durationSeconds: SESSION_SECONDS,
          },
          response: {
            subjectType: 'persistent',
            issuer: 'https://portal.sso.us-east-1.amazonaws.com/saml/assertion/example',
            ...answer,
            nameQualifier: session.caller.identity.identityProvider,
            subject: name,
            audience: 'https://signin.aws.amazon.com/saml',
          },
          resources: [
            resource,
            { accountId: session.account.id, type: 'AWS::IAM::SAMLProvider', ARN: provider },
          ],
        },
      };
    }
    case 'web':
      return {
        entry: WITH_WEB_IDENTITY,
        call: {
          request: { ...base, durationSeconds: SESSION_SECONDS },
          response: {
            ...answer,
            subjectFromWebIdentityToken: session.caller.identity.userName,
            provider: session.caller.identity.identityProvider,
            audience: 'sts.amazonaws.com',
          },
          resources: [resource],
        },
      };
    default:
      return {
        entry: ASSUME_ROLE,
        call: {
          request: {
            ...base,
            ...(session.crosses && { externalId: dice.uuid() }),
            ...(session.kind !== 'service' && { durationSeconds: SESSION_SECONDS }),
          },
          response: answer,
          resources: [resource],
        },
      };
  }
}

/** The caller as the account of the role sees it: an account and the id of a principal, no more. */
export function seenFromOutside(session: Session): Actor {
  const { principalId } = session.caller.identity;
  return {
    ...session.caller,
    identity: { type: 'AWSAccount', principalId, accountId: session.callerAccount.id },
  };
}
