import type { Scene } from '../scene';
import { fault, read, type ServiceTemplate, write } from '../template';

const detector = (s: Scene) => s.owned('', 1, 32);
const noDetector = [
  fault(
    'BadRequestException',
    'The request is rejected because the input detectorId is not owned by the current account.',
  ),
];

export const GUARDDUTY: ServiceTemplate = {
  source: 'guardduty.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('ListDetectors', 3),
    read(
      'ListFindings',
      5,
      (s) => ({
        detectorId: detector(s),
        findingCriteria: {
          criterion: {
            severity: { greaterThanOrEqual: 4 },
            updatedAt: { greaterThanOrEqual: s.time.getTime() - 3_600_000 },
          },
        },
      }),
      { errors: noDetector },
    ),
    read('GetFindings', 3, (s) => ({ detectorId: detector(s), findingIds: [s.dice.hex(32)] }), {
      errors: noDetector,
    }),
    write(
      'ArchiveFindings',
      1,
      (s) => ({ request: { detectorId: detector(s), findingIds: [s.dice.hex(32)] } }),
      { errors: noDetector },
    ),
    write(
      'UpdateDetector',
      1,
      (s) => ({
        request: { detectorId: detector(s), enable: true, findingPublishingFrequency: 'FIFTEEN_MINUTES' },
      }),
      { errors: noDetector },
    ),
  ],
};

const noHub = [
  fault('InvalidAccessException', (s) => `Account ${s.account.id} is not subscribed to AWS Security Hub`),
];

export const SECURITY_HUB: ServiceTemplate = {
  source: 'securityhub.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read(
      'GetFindings',
      4,
      () => ({ Filters: { WorkflowStatus: [{ Value: 'NEW', Comparison: 'EQUALS' }] }, MaxResults: 100 }),
      { errors: noHub },
    ),
    read('DescribeHub', 2, () => null, { errors: noHub }),
    write(
      'BatchImportFindings',
      3,
      (s) => ({
        request: null,
        response: { FailedCount: 0, SuccessCount: s.dice.between(1, 40), FailedFindings: [] },
      }),
      { by: ['service', 'workload'], service: 'config.amazonaws.com', errors: noHub },
    ),
  ],
};

export const ACCESS_ANALYZER: ServiceTemplate = {
  source: 'access-analyzer.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('ListAnalyzers', 2, () => ({ maxResults: '100' })),
    read('ListFindingsV2', 2, (s) => ({
      analyzerArn: s.arn('access-analyzer', 'analyzer/organization'),
      filter: { status: { eq: ['ACTIVE'] } },
    })),
    read('ValidatePolicy', 2, () => ({
      policyType: 'IDENTITY_POLICY',
      policyDocument: 'HIDDEN_DUE_TO_SECURITY_REASONS',
    })),
  ],
};

const webAcl = (s: Scene) => ({ name: `${s.team()}-edge`, scope: 'REGIONAL', id: s.ownedUuid('web acl', 3) });

export const WAF: ServiceTemplate = {
  source: 'wafv2.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  apiVersion: '2019-04-23',
  events: [
    read('GetWebACL', 3, webAcl, {
      errors: [
        fault(
          'WAFNonexistentItemException',
          'AWS WAF couldn’t perform the operation because your resource doesn’t exist.',
        ),
      ],
    }),
    read('ListWebACLs', 2, () => ({ scope: 'REGIONAL', limit: 100 })),
    write(
      'UpdateIPSet',
      1,
      (s) => ({
        request: {
          name: 'blocked',
          scope: 'REGIONAL',
          id: s.ownedUuid('ip set', 2),
          addresses: ['203.0.113.0/24', '198.51.100.7/32'],
          lockToken: s.dice.uuid(),
        },
        response: { nextLockToken: s.dice.uuid() },
      }),
      {
        errors: [
          fault(
            'WAFOptimisticLockException',
            'AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. Reapply your changes.',
          ),
        ],
      },
    ),
  ],
};

const certificate = (s: Scene) => s.arn('acm', `certificate/${s.ownedUuid('certificate', 5)}`);

export const ACM: ServiceTemplate = {
  source: 'acm.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  events: [
    read('DescribeCertificate', 4, (s) => ({ certificateArn: certificate(s) }), {
      errors: [fault('ResourceNotFoundException', (s) => `Could not find certificate ${certificate(s)}.`)],
    }),
    read('ListCertificates', 2, () => ({ maxItems: 100, includes: {} })),
    write('RequestCertificate', 1, (s) => ({
      request: {
        domainName: `${s.serviceName()}.example.com`,
        validationMethod: 'DNS',
        keyAlgorithm: 'EC_prime256v1',
      },
      response: { certificateArn: s.arn('acm', `certificate/${s.dice.uuid()}`) },
    })),
  ],
};
