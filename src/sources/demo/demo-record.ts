import type { CloudTrailRecord } from '../../domain/event';
import { ACCOUNTS, type Account } from './accounts';
import { actorOf, COMMON_KINDS } from './actors';
import { issueOf, seenFromOutside } from './assume-role';
import { ENTRIES, type Entry, SESSION_ENTRIES } from './catalogue';
import { type ChainStep, chainStepAt } from './chains';
import { compose, TLS_1_2, TLS_1_3 } from './compose';
import { CONSOLE_LOGIN, consoleLogin } from './console-login';
import { failureOf } from './errors';
import { type DemoInput, eventId } from './ids';
import { insightRecord } from './insight';
import { Dice, STREAM } from './prng';
import { Scene } from './scene';
import { sessionOf } from './sessions';
import type { Actor } from './workloads';

/** Of calls that can fail; with failed sign-ins and what can't fail it comes to 5 % of all records. */
const FAILURE_RATE = 0.05;
const LOGIN_RATE = 0.02;

/** Between two records where nothing else is said: the DEMO source's own five a second. */
const USUAL_SPACING_MS = 200;

export interface DemoRecordInput extends DemoInput {
  /** When other records of the source occur; without it, five a second. A session tells when it was issued. */
  timeOf?: (n: number) => Date;
}

/**
 * Record n of a DEMO source: a pure function of its input, at any n (a safe integer from 0) without the records
 * before it. What happens depends on seed and n; `eventID` and `sharedEventID` also on sourceId.
 */
export function demoRecord(input: DemoRecordInput): CloudTrailRecord {
  const insight = insightRecord(input);
  if (insight) return insight;
  const step = chainStepAt(input.seed, input.n);
  return step ? chainRecord(input, step) : ordinaryRecord(input);
}

function sceneOf(
  where: { account: Account; entry: Entry; region: string; actor: Actor; time: Date },
  dice: Dice,
  requestId?: string,
): Scene {
  const { service } = where.entry;
  const own = requestId ?? (service.errors === 's3' ? dice.alphanumeric(16) : dice.uuid());
  const region = regionOf(service, where.region);
  return new Scene(
    dice,
    where.account,
    region,
    where.time,
    where.actor,
    own,
    dice.chance(0.8) ? TLS_1_3 : TLS_1_2,
  );
}

function regionOf(service: Entry['service'], region: string): string {
  return service.global ? 'us-east-1' : region;
}

function ordinaryRecord(input: DemoRecordInput): CloudTrailRecord {
  const dice = Dice.at(input.seed, STREAM.record, input.n);
  const time = input.eventTime;
  const account = dice.pick(ACCOUNTS);
  const region = dice.pick(account.regions);
  if (dice.chance(LOGIN_RATE)) {
    const login = consoleLogin(account, region, time, dice);
    const scene = sceneOf({ account, entry: CONSOLE_LOGIN, region, actor: login.actor, time }, dice);
    return compose({ input, entry: CONSOLE_LOGIN, scene, call: login.call, failure: login.failure });
  }
  const entry = dice.pick(ENTRIES);
  const kind = dice.pick(entry.event.by ?? COMMON_KINDS);
  const service = entry.event.service ?? 'AWS Internal';
  const actor = actorOf(kind, { account, region: regionOf(entry.service, region), time, service }, dice);
  const shared = (kind === 'foreign' || kind === 'service') && !entry.event.eventType;
  return recordOfCall(input, { account, entry, region, actor, time }, dice, shared);
}

function recordOfCall(
  input: DemoInput,
  where: { account: Account; entry: Entry; region: string; actor: Actor; time: Date },
  dice: Dice,
  shared: boolean,
): CloudTrailRecord {
  const { entry } = where;
  const scene = sceneOf(where, dice);
  const fails = dice.chance(FAILURE_RATE) && !entry.event.infallible;
  const call = entry.event.call(scene);
  const failure = fails ? failureOf(entry.service, entry.event, scene) : null;
  return compose({
    input,
    entry,
    scene,
    call,
    failure,
    ...(shared && { sharedEventID: eventId(input, 'shared') }),
  });
}

function chainRecord(input: DemoRecordInput, step: ChainStep): CloudTrailRecord {
  const timeOf =
    input.timeOf ?? ((n) => new Date(input.eventTime.getTime() - (input.n - n) * USUAL_SPACING_MS));
  const session = sessionOf(input.seed, step, timeOf);
  const dice = Dice.at(input.seed, STREAM.record, input.n);
  const time = input.eventTime;
  if (step.part === 'call') {
    const { account, region, actor } = session;
    return recordOfCall(
      input,
      { account, region, actor, time, entry: dice.pick(SESSION_ENTRIES) },
      dice,
      false,
    );
  }
  const { entry, call } = issueOf(session);
  const twin = step.part === 'twin';
  const scene = sceneOf(
    {
      account: twin ? session.account : session.callerAccount,
      entry,
      region: session.region,
      actor: twin ? seenFromOutside(session) : session.caller,
      time,
    },
    dice,
    session.requestId,
  );
  const shared = session.crosses || session.kind === 'service';
  const issue = { ...input, n: step.issuedAt[step.leg] ?? input.n };
  return compose({
    input,
    entry,
    scene,
    call,
    failure: null,
    ...(shared && { sharedEventID: eventId(issue, 'shared') }),
  });
}
