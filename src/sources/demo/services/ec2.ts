import { fault, read, type ServiceTemplate, write } from '../template';
import {
  createSnapshot,
  createVolume,
  done,
  filter,
  group,
  image,
  ingressRule,
  instance,
  items,
  routeTable,
  runInstances,
  stateChange,
  subnet,
  tagged,
  tags,
  volume,
  vpc,
} from './ec2-calls';

const noInstance = [
  fault('Client.InvalidInstanceID.NotFound', (s) => `The instance ID '${s.fresh('i-0', 16)}' does not exist`),
];
const noGroup = [
  fault('Client.InvalidGroup.NotFound', (s) => `The security group '${s.fresh('sg-0', 16)}' does not exist`),
];
const noCapacity = [
  fault(
    'Server.InsufficientInstanceCapacity',
    (s) =>
      `We currently do not have sufficient m7g.4xlarge capacity in the Availability Zone you requested (${s.zone()}). Our system will be working on provisioning additional capacity.`,
  ),
  fault(
    'Client.VcpuLimitExceeded',
    'You have requested more vCPU capacity than your current vCPU limit of 64 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.',
  ),
];

export const EC2: ServiceTemplate = {
  source: 'ec2.amazonaws.com',
  eventVersion: '1.10',
  errors: 'ec2',
  events: [
    read(
      'DescribeInstances',
      34,
      (s) =>
        s.dice.chance(0.5)
          ? { instancesSet: items({ instanceId: instance(s) }), filterSet: {} }
          : {
              maxResults: 1000,
              instancesSet: {},
              filterSet: items(filter('instance-state-name', 'running', 'pending')),
            },
      { errors: noInstance },
    ),
    read(
      'DescribeInstanceStatus',
      8,
      (s) => ({ instancesSet: items({ instanceId: instance(s) }), filterSet: {}, includeAllInstances: true }),
      { errors: noInstance },
    ),
    read(
      'DescribeSecurityGroups',
      16,
      (s) => ({ securityGroupSet: {}, securityGroupIdSet: items({ groupId: group(s) }), filterSet: {} }),
      { errors: noGroup },
    ),
    read('DescribeVpcs', 10, (s) => ({ vpcSet: items({ vpcId: vpc(s) }), filterSet: {} })),
    read('DescribeSubnets', 10, (s) => ({ subnetSet: {}, filterSet: items(filter('vpc-id', vpc(s))) })),
    read('DescribeRouteTables', 8, (s) => ({
      routeTableIdSet: items({ routeTableId: routeTable(s) }),
      filterSet: {},
    })),
    read('DescribeNetworkInterfaces', 12, (s) => ({
      networkInterfaceIdSet: {},
      filterSet: items(filter('group-id', group(s))),
    })),
    read('DescribeVolumes', 9, (s) => ({ volumeSet: items({ volumeId: volume(s) }), filterSet: {} })),
    read('DescribeSnapshots', 5, () => ({
      maxResults: 500,
      snapshotSet: {},
      ownersSet: items({ owner: 'self' }),
      sharedUsersSet: {},
      filterSet: {},
    })),
    read('DescribeImages', 6, (s) => ({
      executableBySet: {},
      imagesSet: items({ imageId: image(s) }),
      ownersSet: {},
      filterSet: {},
      includeDeprecated: false,
    })),
    read('DescribeAvailabilityZones', 7, () => ({ availabilityZoneSet: {}, availabilityZoneIdSet: {} })),
    read('DescribeRegions', 5, () => ({ regionSet: {}, allRegions: true })),
    read('DescribeTags', 5, (s) => ({ filterSet: items(filter('resource-id', instance(s))) })),
    read('GetConsoleOutput', 1, (s) => ({ instanceId: instance(s), latest: false }), { errors: noInstance }),
    read('GetPasswordData', 1, (s) => ({ instanceId: instance(s) }), { errors: noInstance }),
    write('RunInstances', 5, runInstances, { errors: noCapacity }),
    write('StartInstances', 2, (s) => stateChange(s, [80, 'stopped'], [0, 'pending']), {
      errors: noInstance,
    }),
    write('StopInstances', 2, (s) => stateChange(s, [16, 'running'], [64, 'stopping'], { force: false }), {
      errors: noInstance,
    }),
    write('TerminateInstances', 3, (s) => stateChange(s, [16, 'running'], [32, 'shutting-down']), {
      errors: noInstance,
    }),
    write('CreateVolume', 2, createVolume),
    write('CreateSnapshot', 3, createSnapshot),
    write('DeleteSnapshot', 2, (s) => ({
      request: { snapshotId: s.owned('snap-0', 9, 16), force: false },
      response: done(s),
    })),
    write('ModifySnapshotAttribute', 1, (s) => ({
      request: {
        snapshotId: s.owned('snap-0', 9, 16),
        createVolumePermission: { add: items({ userId: '123456789012' }) },
        attributeType: 'CREATE_VOLUME_PERMISSION',
      },
      response: done(s),
    })),
    write('CreateTags', 5, (s) => ({
      request: { resourcesSet: items({ resourceId: instance(s) }), tagSet: tags(['team', s.team()]) },
      response: done(s),
    })),
    write('CreateSecurityGroup', 2, (s) => ({
      request: {
        groupName: `${s.serviceName()}-sg`,
        groupDescription: 'Managed by Terraform',
        vpcId: vpc(s),
        tagSpecificationSet: tagged('security-group', s),
      },
      response: { ...done(s), groupId: s.fresh('sg-0', 16) },
    })),
    write('AuthorizeSecurityGroupIngress', 3, ingressRule, {
      errors: [
        fault('Client.InvalidPermission.Duplicate', (s) =>
          `the specified rule "peer: 10.0.0.0/16, TCP, from port: 443, to port: 443, ALLOW" already exists`.replace(
            '443',
            String(s.dice.pick([443, 8443])),
          ),
        ),
      ],
    }),
    write(
      'RevokeSecurityGroupIngress',
      2,
      (s) => ({ request: ingressRule(s).request, response: { ...done(s), unknownIpPermissionSet: {} } }),
      { errors: noGroup },
    ),
    write('AllocateAddress', 1, (s) => ({
      request: { domain: 'vpc', tagSpecificationSet: tagged('elastic-ip', s) },
      response: {
        requestId: s.requestId,
        publicIp: `198.51.100.${s.dice.between(1, 254)}`,
        domain: 'vpc',
        allocationId: s.fresh('eipalloc-0', 16),
        publicIpv4Pool: 'amazon',
        networkBorderGroup: s.region,
      },
    })),
    write('CreateNetworkInterface', 2, (s) => {
      const subnetId = subnet(s);
      const groupId = group(s);
      return {
        request: {
          subnetId,
          description: 'AWS Lambda VPC ENI',
          groupSet: items({ groupId }),
          privateIpAddressesSet: {},
        },
        response: {
          requestId: s.requestId,
          networkInterface: {
            networkInterfaceId: s.fresh('eni-0', 16),
            subnetId,
            vpcId: vpc(s),
            availabilityZone: s.zone(),
            description: 'AWS Lambda VPC ENI',
            ownerId: s.account.id,
            requesterManaged: false,
            status: 'pending',
            privateIpAddress: s.privateAddress(),
            sourceDestCheck: true,
            groupSet: items({ groupId, groupName: 'lambda' }),
            interfaceType: 'interface',
          },
        },
      };
    }),
    write(
      'ModifyInstanceAttribute',
      1,
      (s) => ({
        request: { instanceId: instance(s), disableApiTermination: { value: false } },
        response: done(s),
      }),
      { errors: noInstance },
    ),
    write(
      'SharedSnapshotVolumeCreated',
      1,
      (s) => ({ request: null, details: { snapshotId: s.owned('snap-0', 9, 16) } }),
      {
        by: ['service'],
        service: 'ec2.amazonaws.com',
        eventType: 'AwsServiceEvent',
        infallible: true,
      },
    ),
  ],
};
