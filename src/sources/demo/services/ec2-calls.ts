import type { Scene } from '../scene';

/** EC2's lists are `{ items: [...] }`, and its filters `{ items: [{ name, valueSet }] }`. */
export const items = (...list: unknown[]) => ({ items: list });
export const filter = (name: string, ...values: string[]) => ({
  name,
  valueSet: items(...values.map((value) => ({ value }))),
});
export const tags = (...pairs: [string, string][]) => items(...pairs.map(([key, value]) => ({ key, value })));
export const tagged = (resourceType: string, s: Scene) =>
  items({
    resourceType,
    tags: [
      { key: 'Name', value: s.serviceName() },
      { key: 'team', value: s.team() },
    ],
  });
export const done = (s: Scene) => ({ requestId: s.requestId, _return: true });

export const instance = (s: Scene) => s.owned('i-0', 12, 16);
export const vpc = (s: Scene) => s.owned('vpc-0', 2, 16);
export const subnet = (s: Scene) => s.owned('subnet-0', 6, 16);
export const group = (s: Scene) => s.owned('sg-0', 8, 16);
export const volume = (s: Scene) => s.owned('vol-0', 10, 16);
export const routeTable = (s: Scene) => s.owned('rtb-0', 4, 16);
export const image = (s: Scene) => s.owned('ami-0', 4, 16);

export function stateChange(
  s: Scene,
  before: [number, string],
  after: [number, string],
  extra: Record<string, unknown> = {},
) {
  const instanceId = instance(s);
  const state = ([code, name]: [number, string]) => ({ code, name });
  return {
    request: { instancesSet: items({ instanceId }), ...extra },
    response: {
      requestId: s.requestId,
      instancesSet: items({ instanceId, currentState: state(after), previousState: state(before) }),
    },
  };
}

export function runInstances(s: Scene) {
  const instanceType = s.dice.pick(['t3.micro', 'm7g.large', 'c7i.xlarge', 'r6g.2xlarge']);
  const imageId = image(s);
  const subnetId = subnet(s);
  const zone = s.zone();
  const address = s.privateAddress();
  const groups = items({ groupId: group(s) });
  return {
    request: {
      instancesSet: items({ imageId, minCount: 1, maxCount: 1 }),
      groupSet: groups,
      instanceType,
      blockDeviceMapping: {},
      monitoring: { enabled: false },
      subnetId,
      disableApiTermination: false,
      disableApiStop: false,
      clientToken: s.dice.uuid(),
      iamInstanceProfile: { name: 'web-frontend-ec2' },
      ebsOptimized: false,
      tagSpecificationSet: tagged('instance', s),
    },
    response: {
      requestId: s.requestId,
      reservationId: s.fresh('r-0', 16),
      ownerId: s.account.id,
      groupSet: {},
      instancesSet: items({
        instanceId: s.fresh('i-0', 16),
        imageId,
        instanceState: { code: 0, name: 'pending' },
        privateDnsName: `ip-${address.replaceAll('.', '-')}.${s.region}.compute.internal`,
        amiLaunchIndex: 0,
        productCodes: {},
        instanceType,
        launchTime: s.time.getTime(),
        placement: { availabilityZone: zone, tenancy: 'default' },
        monitoring: { state: 'disabled' },
        subnetId,
        vpcId: vpc(s),
        privateIpAddress: address,
        stateReason: { code: 'pending', message: 'pending' },
        architecture: 'x86_64',
        rootDeviceType: 'ebs',
        rootDeviceName: '/dev/xvda',
        blockDeviceMapping: {},
        virtualizationType: 'hvm',
        hypervisor: 'xen',
        groupSet: groups,
        sourceDestCheck: true,
      }),
    },
  };
}

export function ingressRule(s: Scene) {
  const groupId = group(s);
  const port = s.dice.pick([22, 443, 3389, 5432, 8080]);
  const cidrIp = s.dice.pick(['0.0.0.0/0', '10.0.0.0/16', '192.168.12.0/24']);
  return {
    request: {
      groupId,
      ipPermissions: items({
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        groups: {},
        ipRanges: items({ cidrIp }),
        ipv6Ranges: {},
        prefixListIds: {},
      }),
    },
    response: {
      ...done(s),
      securityGroupRuleSet: items({
        groupOwnerId: s.account.id,
        groupId,
        securityGroupRuleId: s.fresh('sgr-0', 16),
        isEgress: false,
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        cidrIpv4: cidrIp,
      }),
    },
  };
}

export function createVolume(s: Scene) {
  const size = String(s.dice.pick([20, 100, 500]));
  const zone = s.zone();
  return {
    request: {
      size,
      zone,
      volumeType: 'gp3',
      encrypted: true,
      tagSpecificationSet: tagged('volume', s),
      clientToken: s.dice.uuid(),
    },
    response: {
      requestId: s.requestId,
      volumeId: s.fresh('vol-0', 16),
      size,
      zone,
      status: 'creating',
      createTime: s.time.getTime(),
      volumeType: 'gp3',
      iops: 3000,
      encrypted: true,
      masterEncryptionKeyId: s.keyArn(),
      multiAttachEnabled: false,
    },
  };
}

export function createSnapshot(s: Scene) {
  const volumeId = volume(s);
  return {
    request: { volumeId, description: 'nightly', tagSpecificationSet: tagged('snapshot', s) },
    response: {
      requestId: s.requestId,
      snapshotId: s.fresh('snap-0', 16),
      volumeId,
      status: 'pending',
      startTime: s.time.getTime(),
      ownerId: s.account.id,
      volumeSize: '100',
      encrypted: true,
      description: 'nightly',
    },
  };
}
