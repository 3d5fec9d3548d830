import type { Account, Person } from './accounts';
import { browserOf, personAddress, rootIdentity } from './actors';
import { BROWSER_AGENTS } from './agents';
import type { Entry } from './catalogue';
import type { Failure } from './errors';
import { PLACES, v4At } from './places';
import type { Dice } from './prng';
import { SIGNIN } from './services/access';
import { type Call, write } from './template';
import { type Actor, sessionIdentity } from './workloads';

export const CONSOLE_LOGIN: Entry = {
  service: SIGNIN,
  event: write('ConsoleLogin', 0, () => ({ request: null }), {
    eventType: 'AwsConsoleSignIn',
    infallible: true,
  }),
};

/** A sign-in to the console; a failed one has an errorMessage, but no errorCode. */
export interface Login {
  actor: Actor;
  call: Call;
  failure: Failure | null;
}

function call(account: Account, region: string, outcome: 'Success' | 'Failure', mfa: string | null): Call {
  const path = `https://console.aws.amazon.com/console/home?hashArgs=%23&isauthcode=true&region=${region}`;
  return {
    request: null,
    response: { ConsoleLogin: outcome },
    additional: {
      LoginTo: path,
      MobileVersion: 'No',
      ...(mfa && { MFAIdentifier: `arn:aws:iam::${account.id}:mfa/${mfa}` }),
      MFAUsed: mfa ? 'Yes' : 'No',
    },
    host: `${region}.signin.aws.amazon.com`,
  };
}

function actor(identity: Record<string, unknown>, address: string, userAgent: string): Actor {
  return { identity, arn: '', address, userAgent, fromConsole: false };
}

function failed(message: string): Failure {
  return { code: '', message, blind: false };
}

/** Somebody tries passwords, from anywhere; a name that no user has is not recorded. */
function intruder(account: Account, person: Person, region: string, dice: Dice): Login {
  const known = dice.chance(0.6);
  const identity = {
    type: 'IAMUser',
    ...(known && { principalId: person.id }),
    accountId: account.id,
    accessKeyId: '',
    userName: known ? person.name : 'HIDDEN_DUE_TO_SECURITY_REASONS',
  };
  return {
    actor: actor(identity, v4At(dice.pick(PLACES), dice), dice.pick(BROWSER_AGENTS)),
    call: call(account, region, 'Failure', null),
    failure: failed(known ? 'Failed authentication' : 'No username found in supplied account'),
  };
}

export function consoleLogin(account: Account, region: string, time: Date, dice: Dice): Login {
  const person = dice.pick(account.people);
  const roll = dice.below(100);
  if (roll < 22) return intruder(account, person, region, dice);

  const address = personAddress(person, dice);
  const agent = browserOf(person);
  if (roll < 30) {
    const good = roll < 28;
    return {
      actor: actor({ ...rootIdentity(account), accessKeyId: '' }, address, agent),
      call: call(account, region, good ? 'Success' : 'Failure', good ? 'root-account-mfa-device' : null),
      failure: good ? null : failed('Failed authentication'),
    };
  }
  if (roll < 50) {
    const role = dice.pick(account.assumable);
    const session = { name: `${person.name}@example.com`, accessKeyId: '', start: time, mfa: false };
    const { accessKeyId: _, ...identity } = sessionIdentity(account, role, session).identity;
    return {
      actor: actor(identity, address, agent),
      call: call(account, region, 'Success', null),
      failure: null,
    };
  }
  const identity = {
    type: 'IAMUser',
    principalId: person.id,
    arn: `arn:aws:iam::${account.id}:user/${person.name}`,
    accountId: account.id,
    userName: person.name,
  };
  return {
    actor: actor(identity, address, agent),
    call: call(account, region, 'Success', person.usesMfa ? person.name : null),
    failure: null,
  };
}
