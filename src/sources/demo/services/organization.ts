import type { Scene } from '../scene';
import { fault, read, type ServiceTemplate, write } from '../template';

const policyId = (s: Scene) => s.owned('p-', 4, 8);

export const ORGANIZATIONS: ServiceTemplate = {
  source: 'organizations.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  global: true,
  events: [
    read('DescribeOrganization', 4, () => null, {
      errors: [
        fault('AWSOrganizationsNotInUseException', 'Your account is not a member of an organization.'),
      ],
    }),
    read('ListAccounts', 4),
    read('ListPoliciesForTarget', 2, (s) => ({ targetId: s.account.id, filter: 'SERVICE_CONTROL_POLICY' })),
    write('AttachPolicy', 1, (s) => ({ request: { policyId: policyId(s), targetId: s.account.id } }), {
      errors: [fault('DuplicatePolicyAttachmentException', 'A policy is already attached to the target.')],
    }),
    write('LeaveOrganization', 1, () => ({ request: null }), {
      errors: [
        fault(
          'ConstraintViolationException',
          'The member account is missing one or more of the prerequisites required to operate as a standalone account.',
        ),
      ],
    }),
  ],
};

/** Cost Explorer names its parameters in upper camel case, unlike most services. */
export const COST_EXPLORER: ServiceTemplate = {
  source: 'ce.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  global: true,
  events: [
    read(
      'GetCostAndUsage',
      4,
      (s) => ({
        TimePeriod: {
          Start: `${s.time.toISOString().slice(0, 7)}-01`,
          End: s.time.toISOString().slice(0, 10),
        },
        Granularity: 'DAILY',
        Metrics: ['UnblendedCost'],
        GroupBy: [{ Type: 'DIMENSION', Key: 'SERVICE' }],
      }),
      {
        by: ['console', 'user', 'root'],
        errors: [fault('DataUnavailableException', 'The requested data is unavailable.')],
      },
    ),
    read('GetCostForecast', 1, () => ({ Metric: 'UNBLENDED_COST', Granularity: 'MONTHLY' }), {
      by: ['console', 'root'],
      errors: [fault('AccessDenied', 'IAM user access not activated')],
    }),
  ],
};

export const ACCOUNT: ServiceTemplate = {
  source: 'account.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  global: true,
  events: [
    read('GetRegionOptStatus', 2, () => ({ RegionName: 'eu-north-1' })),
    read('GetContactInformation', 1, () => null, { by: ['root', 'console'] }),
  ],
};
