import { ACCOUNTS, type Account, accountCode, type Role } from './accounts';
import { personAddress, serviceActor, toolAgent, userActor } from './actors';
import type { ChainKind, ChainStep } from './chains';
import { Dice, STREAM } from './prng';
import { type Actor, hostAddress, sessionIdentity, workloadSessionName } from './workloads';

/** A session that a role's credentials were issued for. */
export interface Session {
  kind: ChainKind | 'chained';
  /** Of the role, and so of all calls of the session. */
  account: Account;
  role: Role;
  name: string;
  region: string;
  accessKeyId: string;
  start: Date;
  /** Who had it issued, and in which account. */
  caller: Actor;
  callerAccount: Account;
  /** Who makes the calls of the session. */
  actor: Actor;
  /** Of the call that issued it. */
  requestId: string;
  crosses: boolean;
  /** Draws for what else that call has. */
  dice: Dice;
}

const GITHUB = 'token.actions.githubusercontent.com';
const SESSION_NAMES = ['terraform', 'deploy', 'aws-go-sdk', 'botocore-session', 'nightly'];

function sessionName(kind: Session['kind'], role: Role, person: string, dice: Dice): string {
  if (kind === 'service') return workloadSessionName(role, dice);
  if (kind === 'web') return 'GitHubActions';
  if (kind === 'saml') return `${person}@example.com`;
  return dice.chance(0.5)
    ? person
    : `${dice.pick(SESSION_NAMES)}-${dice.between(1_700_000_000, 1_799_999_999)}`;
}

function roleFor(kind: Session['kind'], account: Account, dice: Dice): Role {
  if (kind === 'service') return dice.pick(account.workloads);
  const named = kind === 'saml' ? 'AWSReservedSSO_PowerUserAccess_4c1f8f2be0d7a963' : 'DeployPipeline';
  const fixed =
    kind === 'saml' || kind === 'web' ? account.assumable.find((role) => role.name === named) : undefined;
  return fixed ?? dice.pick(account.assumable);
}

function otherAccount(account: Account, dice: Dice): Account {
  return dice.pick(ACCOUNTS.filter((other) => other.id !== account.id));
}

function samlCaller(mail: string, address: string, userAgent: string): Actor {
  const own = Dice.named(`saml ${mail}`);
  const provider = `${own.base64(27)}=`;
  return {
    identity: {
      type: 'SAMLUser',
      principalId: `${provider}:${mail}`,
      userName: mail,
      identityProvider: provider,
    },
    arn: mail,
    address,
    userAgent,
    fromConsole: false,
  };
}

function webCaller(account: Account, address: string, repository: string): Actor {
  const provider = `arn:aws:iam::${account.id}:oidc-provider/${GITHUB}`;
  const subject = `repo:example/${repository}:ref:refs/heads/main`;
  return {
    identity: {
      type: 'WebIdentityUser',
      principalId: `${provider}:sts.amazonaws.com:${subject}`,
      userName: subject,
      identityProvider: provider,
    },
    arn: subject,
    address,
    userAgent: 'aws-sdk-nodejs/2.1692.0 linux/v20.19.2 configure-aws-credentials-for-github-actions promise',
    fromConsole: false,
  };
}

/** Who calls first in a chain of this kind, and from where the session is then used. */
function firstCaller(
  kind: ChainKind,
  where: { account: Account; role: Role; region: string },
  dice: Dice,
): { caller: Actor; address: string; userAgent: string; person: string; mfa: boolean } {
  const person = dice.pick(where.account.people);
  const home = {
    address: personAddress(person, dice),
    userAgent: toolAgent(person.id, dice),
    person: person.name,
  };
  const host = { address: hostAddress(where.region, dice), person: person.name, mfa: false };
  switch (kind) {
    case 'service':
      return {
        caller: serviceActor(where.role.service ?? 'ec2.amazonaws.com'),
        userAgent: home.userAgent,
        ...host,
      };
    case 'web': {
      const caller = webCaller(
        where.account,
        host.address,
        dice.pick(['orders', 'billing', 'infrastructure']),
      );
      return { caller, userAgent: home.userAgent, ...host };
    }
    case 'saml':
      return {
        caller: samlCaller(`${person.name}@example.com`, home.address, home.userAgent),
        ...home,
        mfa: false,
      };
    default: {
      const caller = {
        ...userActor(where.account, person, dice),
        address: home.address,
        userAgent: home.userAgent,
      };
      return { caller, ...home, mfa: person.usesMfa };
    }
  }
}

/**
 * The session of a chain's leg: the same for each step of that leg. `timeOf` gives the time of a record by number;
 * a session begins at the time of the record that issued it.
 */
export function sessionOf(seed: number, step: ChainStep, timeOf: (n: number) => Date): Session {
  const dice = Dice.at(seed, STREAM.session, step.chain);
  const callerAccount = dice.pick(ACCOUNTS);
  const account = step.kind === 'cross' ? otherAccount(callerAccount, dice) : callerAccount;
  const role = roleFor(step.kind, account, dice);
  const region = dice.pick(account.regions);
  const first = firstCaller(step.kind, { account: callerAccount, role, region }, dice);
  const session = issued(
    {
      kind: step.kind,
      account,
      role,
      name: sessionName(step.kind, role, first.person, dice),
      region,
      start: timeOf(step.issuedAt[0] ?? 0),
      caller: first.caller,
      callerAccount,
      crosses: step.kind === 'cross',
    },
    first,
    dice,
  );
  return step.leg === 0 ? session : chained(session, first, step, timeOf, dice);
}

/** The session that a session has issued. */
function chained(
  from: Session,
  use: { address: string; userAgent: string; person: string },
  step: ChainStep,
  timeOf: (n: number) => Date,
  dice: Dice,
): Session {
  const account = step.crosses ? otherAccount(from.account, dice) : from.account;
  const role = dice.pick(account.assumable.filter((candidate) => candidate.arn !== from.role.arn));
  const parts = {
    kind: 'chained' as const,
    account,
    role,
    name: sessionName('chained', role, use.person, dice),
    region: dice.pick(account.regions),
    start: timeOf(step.issuedAt[1] ?? 0),
    caller: from.actor,
    callerAccount: from.account,
    crosses: step.crosses,
  };
  return issued(parts, { ...use, mfa: false }, dice);
}

function issued(
  parts: Omit<Session, 'accessKeyId' | 'actor' | 'requestId' | 'dice'>,
  use: { address: string; userAgent: string; mfa: boolean },
  dice: Dice,
): Session {
  const accessKeyId = `ASIA${accountCode(parts.account.id)}${dice.base32(8)}`;
  const federated = {
    webIdFederationData: {
      federatedProvider: `arn:aws:iam::${parts.account.id}:oidc-provider/${GITHUB}`,
      attributes: {},
    },
  };
  const identity = sessionIdentity(parts.account, parts.role, {
    name: parts.name,
    accessKeyId,
    start: parts.start,
    mfa: use.mfa,
    ...(parts.kind === 'web' && { context: federated }),
  });
  const actor = { ...identity, address: use.address, userAgent: use.userAgent, fromConsole: false };
  return { ...parts, accessKeyId, actor, requestId: dice.uuid(), dice };
}
