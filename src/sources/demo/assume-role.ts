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

interface Issue {
  entry: Entry;
  call: Call;
}

/** What all three calls ask for and answer. */
interface Common {
  request: { roleArn: string; roleSessionName: string };
  response: { credentials: object; assumedRoleUser: object };
  /** The role. */
  resource: { accountId: string; type: string; ARN: string };
}

/** The event by which this session is issued, with its parameters and the credentials without their secret. */
export function issueOf(session: Session): Issue {
  const { role, name, dice } = session;
  const common: Common = {
    request: { roleArn: role.arn, roleSessionName: name },
    response: {
      credentials: {
        accessKeyId: session.accessKeyId,
        sessionToken: `IQoJb3JpZ2luX2VjE${dice.base64(120)}`,
        expiration: wordedTime(later(session.start, SESSION_SECONDS)),
      },
      assumedRoleUser: { assumedRoleId: `${role.id}:${name}`, arn: session.actor.arn },
    },
    resource: { accountId: session.account.id, type: 'AWS::IAM::Role', ARN: role.arn },
  };
  if (session.kind === 'saml') return issuedBySaml(session, common);
  if (session.kind === 'web') return issuedByWebIdentity(session, common);
  return issuedToPrincipal(session, common);
}

function issuedBySaml(session: Session, { request, response, resource }: Common): Issue {
  const { account, name, caller, dice } = session;
  const provider = `arn:aws:iam::${account.id}:saml-provider/AWSSSO_0c2b8e7d9f1a4563_DO_NOT_DELETE`;
  return {
    entry: WITH_SAML,
    call: {
      request: {
        sAMLAssertionID: `_${dice.uuid()}`,
        ...request,
        principalArn: provider,
        durationSeconds: SESSION_SECONDS,
      },
      response: {
        subjectType: 'persistent',
        issuer: 'https://portal.sso.us-east-1.amazonaws.com/saml/assertion/example',
        ...response,
        nameQualifier: caller.identity.identityProvider,
        subject: name,
        audience: 'https://signin.aws.amazon.com/saml',
      },
      resources: [resource, { accountId: account.id, type: 'AWS::IAM::SAMLProvider', ARN: provider }],
    },
  };
}

function issuedByWebIdentity({ caller }: Session, { request, response, resource }: Common): Issue {
  return {
    entry: WITH_WEB_IDENTITY,
    call: {
      request: { ...request, durationSeconds: SESSION_SECONDS },
      response: {
        ...response,
        subjectFromWebIdentityToken: caller.identity.userName,
        provider: caller.identity.identityProvider,
        audience: 'sts.amazonaws.com',
      },
      resources: [resource],
    },
  };
}

function issuedToPrincipal(session: Session, { request, response, resource }: Common): Issue {
  return {
    entry: ASSUME_ROLE,
    call: {
      request: {
        ...request,
        ...(session.crosses && { externalId: session.dice.uuid() }),
        ...(session.kind !== 'service' && { durationSeconds: SESSION_SECONDS }),
      },
      response,
      resources: [resource],
    },
  };
}

/** The caller as the account of the role sees it: an account and the id of a principal, no more. */
export function seenFromOutside(session: Session): Actor {
  const { principalId } = session.caller.identity;
  return {
    ...session.caller,
    identity: { type: 'AWSAccount', principalId, accountId: session.callerAccount.id },
  };
}
