import { Invalid } from '../../domain/errors';
import type { Source } from '../../domain/source';
import type { AccessReport, SourceCheck } from '../../domain/source-check';
import type { Role } from '../../domain/user';
import type { SourceStore } from '../../store/sources';
import type { SourceAdmin } from './source-admin';
import { overlapChecks } from './source-overlap';
import type { SourceTest } from './source-test-types';

/** Tries what a source would do, step by step, and stores nothing. */
export type ProbeSource = (source: Source, signal: AbortSignal) => Promise<AccessReport>;

export interface SourceTesterParts {
  sources: Pick<SourceStore, 'page'>;
  admin: SourceAdmin;
  probe: ProbeSource;
}

/** With the look for overlaps, a little less than the 30 s that a test may take. */
const TEST_MS = 29_000;
/** Tests at a time: each is a few requests to AWS, and somebody waits for it. */
const MAX_TESTS = 10;
/** Sources that are looked at for overlaps. */
const MAX_OTHERS = 1_000;

/** Tests sources, saved ones and ones that are yet to be. */
export class SourceTester {
  private running = 0;

  constructor(private readonly parts: SourceTesterParts) {}

  /**
   * @param id a saved source
   * @param input a source to be, or what would change in the saved one
   * @throws Invalid, NotFound or Forbidden as making or changing the source would
   */
  async test(id: string | null, input: unknown, role: Role): Promise<SourceTest> {
    if (id === null && input === null) {
      const message = 'Give the id of a source, or an input, or both.';
      throw new Invalid(message, [{ path: ['id'], message }]);
    }
    if (this.running >= MAX_TESTS) throw new Invalid('Too many tests at once: wait for those to end.');
    this.running++;
    try {
      const source = await this.parts.admin.draft(id, input, role);
      const report = await this.parts.probe(source, AbortSignal.timeout(TEST_MS));
      const { callerArn, account, sampleRecords, policyDocument } = report;
      const checks = id === null ? report.checks.map(beforeSaving) : [...report.checks];
      checks.push(...(source.aws ? overlapChecks(source, await this.others(), account) : []));
      return {
        ok: checks.every(({ status }) => status !== 'FAIL'),
        callerArn,
        checks,
        sampleRecords,
        policyDocument,
      };
    } finally {
      this.running--;
    }
  }

  private async others(): Promise<Source[]> {
    const kinds: Source['kind'][] = ['LOOKUP_EVENTS', 'S3_BUCKET', 'S3_SQS'];
    const { items } = await this.parts.sources.page({ kinds }, { limit: MAX_OTHERS });
    return items.map(({ item }) => item);
  }
}

/** A role that asks for the external id can not know that of a source that is yet to be. */
function beforeSaving(check: SourceCheck): SourceCheck {
  if (check.status !== 'FAIL' || check.awsAction !== 'sts:AssumeRole') return check;
  const hint =
    'The external id is made with the source: save the source, write its externalId into the trust policy, and test it by its id.';
  return { ...check, remedy: check.remedy ? `${check.remedy} ${hint}` : hint };
}
