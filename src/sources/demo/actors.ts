import { type Account, FOREIGN_ACCOUNTS, iamId, type Person } from './accounts';
import { BROWSER_AGENTS, CLI_AGENTS, CONSOLE_BACKEND_AGENTS, DEPLOY_AGENTS, SCRIPT_AGENTS } from './agents';
import { PLACES, v4At, v6At } from './places';
import { Dice } from './prng';
import { type Actor, attributes, sessionStart, workloadActor } from './workloads';

/** How somebody acts; several ways may share one userIdentity.type. */
export type ActorKind =
  | 'user'
  | 'console'
  | 'root'
  | 'workload'
  | 'endpoint'
  | 'forwarded'
  | 'internal'
  | 'role'
  | 'federated'
  | 'service'
  | 'foreign'
  | 'portal'
  | 'directory'
  | 'centre';

/** Ways to act by how common they are, for events that anybody may cause. */
export const COMMON_KINDS: readonly ActorKind[] = (
  [
    ['user', 34],
    ['console', 16],
    ['workload', 22],
    ['endpoint', 6],
    ['forwarded', 8],
    ['internal', 4],
    ['federated', 4],
    ['root', 3],
    ['role', 3],
  ] as const
).flatMap(([kind, weight]) => Array<ActorKind>(weight).fill(kind));

const FORWARDING_SERVICES = [
  'cloudformation.amazonaws.com',
  'autoscaling.amazonaws.com',
  'resource-explorer-2.amazonaws.com',
  'inspector2.amazonaws.com',
  'health.amazonaws.com',
  'config.amazonaws.com',
];

/** The address from which a person calls: nearly always one of their own two, at times one on a journey. */
export function personAddress(person: Person, dice: Dice): string {
  const roll = dice.below(100);
  if (roll < 4) return v4At(dice.pick(PLACES), dice);
  const home = Dice.named(`home ${person.id}`);
  return roll < 22 ? v6At(person.place, home) : v4At(person.place, home);
}

/** The agent of somebody who works with a command line, a script or a deployment tool. */
export function toolAgent(who: string, dice: Dice): string {
  const roll = Dice.named(`tools ${who}`).below(4) + (dice.chance(0.15) ? 1 : 0);
  if (roll === 0) return dice.pick(DEPLOY_AGENTS);
  return roll === 1 ? dice.pick(SCRIPT_AGENTS) : CLI_AGENTS[Dice.named(who).below(CLI_AGENTS.length)]!;
}

function userIdentity(account: Account, person: Person, accessKeyId: string): Record<string, unknown> {
  return {
    type: 'IAMUser',
    principalId: person.id,
    arn: userArn(account, person),
    accountId: account.id,
    accessKeyId,
    userName: person.name,
  };
}

export function userArn(account: Account, person: Person): string {
  return `arn:aws:iam::${account.id}:user/${person.name}`;
}

/** An IAM user with a long-term key. */
export function userActor(account: Account, person: Person, dice: Dice): Actor {
  return {
    identity: userIdentity(account, person, iamId('AKIA', account.id, person.name, 20)),
    arn: userArn(account, person),
    address: personAddress(person, dice),
    userAgent: toolAgent(person.id, dice),
    fromConsole: false,
  };
}

function consoleActor(account: Account, dice: Dice, time: Date): Actor {
  const person = dice.pick(account.people);
  const start = sessionStart(person.id, time);
  const key = iamId('ASIA', account.id, `${person.name} ${start.getTime()}`, 20);
  const backend = dice.chance(0.5);
  return {
    identity: {
      ...userIdentity(account, person, key),
      sessionContext: { attributes: attributes(start, person.usesMfa) },
    },
    arn: userArn(account, person),
    address: personAddress(person, Dice.named(`console ${person.id} ${start.getTime()}`)),
    userAgent: backend ? dice.pick(CONSOLE_BACKEND_AGENTS) : browserOf(person),
    fromConsole: true,
  };
}

/** The browser that a person always uses. */
export function browserOf(person: Person): string {
  return Dice.named(`browser ${person.id}`).pick(BROWSER_AGENTS);
}

export function rootIdentity(account: Account): Record<string, unknown> {
  return {
    type: 'Root',
    principalId: account.id,
    arn: `arn:aws:iam::${account.id}:root`,
    accountId: account.id,
  };
}

function rootActor(account: Account, time: Date): Actor {
  const owner = account.people[0]!;
  const start = sessionStart(`root ${account.id}`, time);
  return {
    identity: {
      ...rootIdentity(account),
      accessKeyId: iamId('ASIA', account.id, `root ${start.getTime()}`, 20),
      sessionContext: { attributes: attributes(start, true) },
    },
    arn: `arn:aws:iam::${account.id}:root`,
    address: v4At(owner.place, Dice.named(`home ${owner.id}`)),
    userAgent: browserOf(owner),
    fromConsole: true,
  };
}

/** A service that acts with what a person or a role has forwarded to it. */
function forwardedActor(account: Account, dice: Dice, time: Date, internal: boolean): Actor {
  const by = internal ? 'AWS Internal' : dice.pick(FORWARDING_SERVICES);
  const person = dice.pick(account.people);
  const start = sessionStart(`${person.id} ${by}`, time);
  const attached = { sessionContext: { attributes: attributes(start, person.usesMfa) }, invokedBy: by };
  const key = iamId('ASIA', account.id, `${person.name} ${by} ${start.getTime()}`, 20);
  return {
    identity: { ...userIdentity(account, person, key), ...attached },
    arn: userArn(account, person),
    address: by,
    userAgent: by,
    fromConsole: false,
  };
}

function roleActor(account: Account, dice: Dice): Actor {
  const role = dice.pick(account.assumable);
  const person = dice.pick(account.people);
  return {
    identity: {
      type: 'Role',
      principalId: role.id,
      arn: role.arn,
      accountId: account.id,
      userName: role.name,
    },
    arn: role.arn,
    address: personAddress(person, dice),
    userAgent: toolAgent(person.id, dice),
    fromConsole: false,
  };
}

function federatedActor(account: Account, dice: Dice, time: Date): Actor {
  const person = dice.pick(account.people);
  const start = sessionStart(`federated ${person.id}`, time);
  const arn = `arn:aws:sts::${account.id}:federated-user/${person.name}`;
  const issuer = {
    type: 'IAMUser',
    principalId: person.id,
    arn: userArn(account, person),
    accountId: account.id,
  };
  return {
    identity: {
      type: 'FederatedUser',
      principalId: `${account.id}:${person.name}`,
      arn,
      accountId: account.id,
      accessKeyId: iamId('ASIA', account.id, `federated ${person.name} ${start.getTime()}`, 20),
      sessionContext: {
        sessionIssuer: { ...issuer, userName: person.name },
        attributes: attributes(start, false),
      },
    },
    arn,
    address: personAddress(person, dice),
    userAgent: toolAgent(person.id, dice),
    fromConsole: false,
  };
}

/** A principal of a partner's account. */
export function foreignActor(dice: Dice): Actor {
  const accountId = dice.pick(FOREIGN_ACCOUNTS);
  const id = iamId('AIDA', accountId, `partner ${dice.below(5)}`);
  return {
    identity: { type: 'AWSAccount', principalId: id, accountId },
    arn: `arn:aws:iam::${accountId}:root`,
    address: v4At(dice.pick(PLACES), Dice.named(id)),
    userAgent: toolAgent(id, dice),
    fromConsole: false,
  };
}

/** A person of the identity centre's directory, in the three shapes in which it records people. */
function directoryActor(kind: 'portal' | 'directory' | 'centre', account: Account, dice: Dice): Actor {
  const person = dice.pick(account.people);
  const own = Dice.named(`directory ${person.id}`);
  const userId = own.uuid();
  const mail = `${person.name}@example.com`;
  const identities = {
    portal: { type: 'Unknown', principalId: account.id, accountId: account.id, userName: mail },
    directory: { type: 'Directory', principalId: `d-90${own.hex(8)}`, accountId: account.id, userName: mail },
    centre: {
      type: 'IdentityCenterUser',
      accountId: account.id,
      onBehalfOf: {
        userId,
        identityStoreArn: `arn:aws:identitystore::${account.id}:identitystore/d-9067642ac7`,
      },
      credentialId: own.base64(64).replaceAll('/', '_').replaceAll('+', '-'),
    },
  };
  return {
    identity: identities[kind],
    arn: `arn:aws:identitystore:::user/${userId}`,
    address: personAddress(person, dice),
    userAgent: browserOf(person),
    fromConsole: false,
  };
}

/** A service that acts by itself. */
export function serviceActor(service: string): Actor {
  return {
    identity: { type: 'AWSService', invokedBy: service },
    arn: service,
    address: service,
    userAgent: service,
    fromConsole: false,
  };
}

/** Somebody of this kind; `service` names the service where the kind is `service`. */
export function actorOf(
  kind: ActorKind,
  where: { account: Account; region: string; time: Date; service: string },
  dice: Dice,
): Actor {
  const { account, region, time } = where;
  switch (kind) {
    case 'user':
      return userActor(account, dice.pick(account.people), dice);
    case 'console':
      return consoleActor(account, dice, time);
    case 'root':
      return rootActor(account, time);
    case 'workload':
      return workloadActor(account, region, dice, time, false);
    case 'endpoint':
      return workloadActor(account, region, dice, time, true);
    case 'forwarded':
      return forwardedActor(account, dice, time, false);
    case 'internal':
      return forwardedActor(account, dice, time, true);
    case 'role':
      return roleActor(account, dice);
    case 'federated':
      return federatedActor(account, dice, time);
    case 'service':
      return serviceActor(where.service);
    case 'foreign':
      return foreignActor(dice);
    default:
      return directoryActor(kind, account, dice);
  }
}
