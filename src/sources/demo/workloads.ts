import { type Account, iamId, type Role } from './accounts';
import { HOST_AGENTS, SCRIPT_AGENTS } from './agents';
import { EC2_NETWORKS, v4At } from './places';
import { Dice } from './prng';
import { isoSeconds } from './times';

/** Who acts in a record, and from where. */
export interface Actor {
  identity: Record<string, unknown>;
  /** As AWS words the actor in an error message. */
  arn: string;
  address: string;
  userAgent: string;
  fromConsole: boolean;
  vpcEndpointId?: string;
}

const SESSION_MS = 4 * 3600_000;

/** When the session began that somebody has open at this time: sessions last four hours from an hour of their own. */
export function sessionStart(who: string, time: Date): Date {
  const offset = Dice.named(`session ${who}`).below(SESSION_MS);
  return new Date(Math.floor((time.getTime() - offset) / SESSION_MS) * SESSION_MS + offset);
}

/** `sessionContext.attributes`. */
export function attributes(start: Date, mfa: boolean): Record<string, unknown> {
  return { creationDate: isoSeconds(start), mfaAuthenticated: String(mfa) };
}

/** The userIdentity of a session of a role. */
export function sessionIdentity(
  account: Account,
  role: Role,
  session: {
    name: string;
    accessKeyId: string;
    start: Date;
    mfa: boolean;
    context?: Record<string, unknown>;
  },
): { identity: Record<string, unknown>; arn: string } {
  const arn = `arn:aws:sts::${account.id}:assumed-role/${role.name}/${session.name}`;
  const identity = {
    type: 'AssumedRole',
    principalId: `${role.id}:${session.name}`,
    arn,
    accountId: account.id,
    accessKeyId: session.accessKeyId,
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: role.id,
        arn: role.arn,
        accountId: account.id,
        userName: role.name,
      },
      attributes: attributes(session.start, session.mfa),
      ...session.context,
    },
  };
  return { identity, arn };
}

/** The name under which a service runs a role: the instance, the function, the task. */
export function workloadSessionName(role: Role, dice: Dice): string {
  if (role.service === 'ec2.amazonaws.com') return `i-0${dice.hex(16)}`;
  if (role.service === 'ecs-tasks.amazonaws.com') return dice.hex(32);
  return role.service === 'lambda.amazonaws.com' ? role.name.replace(/-lambda$/, '') : 'GlueJobRunnerSession';
}

/** A host, task or function in a Region; `inside`: through the endpoint of its VPC. */
export function workloadActor(
  account: Account,
  region: string,
  dice: Dice,
  time: Date,
  inside: boolean,
): Actor {
  const role = dice.pick(account.workloads);
  const host = dice.below(8);
  const label = `${account.id} ${region} ${role.name} ${host}`;
  const own = Dice.named(label);
  const start = sessionStart(label, time);
  const { identity, arn } = sessionIdentity(account, role, {
    name: workloadSessionName(role, own),
    accessKeyId: iamId('ASIA', account.id, `${label} ${start.getTime()}`, 20),
    start,
    mfa: false,
    ...(role.service === 'ec2.amazonaws.com' && { context: { ec2RoleDelivery: '2.0' } }),
  });
  const actor: Actor = {
    identity,
    arn,
    address: inside ? `10.0.${own.below(32)}.${own.between(4, 254)}` : hostAddress(region, own),
    userAgent: host < 3 ? own.pick(HOST_AGENTS) : own.pick(SCRIPT_AGENTS),
    fromConsole: false,
  };
  if (inside) actor.vpcEndpointId = `vpce-0${Dice.named(`vpce ${account.id} ${region}`).hex(16)}`;
  return actor;
}

/** The public address of a host in a Region. */
export function hostAddress(region: string, dice: Dice): string {
  const network = EC2_NETWORKS[region];
  if (!network) throw new RangeError(`no EC2 network is listed for the Region ${region}`);
  return v4At(network, dice);
}
