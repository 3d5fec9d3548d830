import { parseAddress } from '../../src/domain/address';

/** A value of a database row. Numbers are written as doubles; `uint32` makes whole ones. */
export type MmdbValue = string | number | { uint32: number } | MmdbValue[] | { [key: string]: MmdbValue };

export interface MmdbContent {
  type: string;
  ipVersion: 4 | 6;
  builtAt: Date;
  /** Prefix such as `192.0.2.0/24` or `2001:db8::/32` to its row; prefixes do not overlap. */
  rows: Record<string, MmdbValue>;
}

const RECORD_BITS = 24;
const MARKER = Buffer.concat([Buffer.from([0xab, 0xcd, 0xef]), Buffer.from('MaxMind.com')]);

/** A leaf holds the offset of its row in the data section. */
type Node = [Branch, Branch];
type Branch = Node | number | null;

/** A database in MaxMind's format 2.0 (https://maxmind.github.io/MaxMind-DB/), small enough for 24-bit records. */
export function writeMmdb(content: MmdbContent): Buffer {
  const root: Node = [null, null];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [prefix, row] of Object.entries(content.rows)) {
    insert(root, bitsOf(prefix, content.ipVersion), offset);
    const bytes = encode(row);
    data.push(bytes);
    offset += bytes.length;
  }
  const nodes = numbered(root);
  const tree = Buffer.alloc((nodes.length * RECORD_BITS) / 4);
  nodes.forEach((node, i) => {
    node.forEach((branch, side) => {
      tree.writeUIntBE(recordOf(branch, nodes), i * 6 + side * 3, 3);
    });
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, MARKER, metadata(content, nodes.length)]);
}

function recordOf(branch: Branch, nodes: Node[]): number {
  if (branch === null) return nodes.length;
  return typeof branch === 'number' ? nodes.length + 16 + branch : nodes.indexOf(branch);
}

function metadata(content: MmdbContent, nodeCount: number): Buffer {
  return encode({
    binary_format_major_version: { uint32: 2 },
    binary_format_minor_version: { uint32: 0 },
    build_epoch: { uint32: content.builtAt.getTime() / 1000 },
    database_type: content.type,
    description: { en: 'made by a test' },
    ip_version: { uint32: content.ipVersion },
    languages: ['en'],
    node_count: { uint32: nodeCount },
    record_size: { uint32: RECORD_BITS },
  });
}

/** The bits of a prefix; IPv4 in a tree of IPv6 lies below ::/96. */
function bitsOf(prefix: string, ipVersion: 4 | 6): number[] {
  const [address = '', length = ''] = prefix.split('/');
  const bytes = parseAddress(address);
  if (!bytes) throw new Error(`not a prefix: ${prefix}`);
  const v4 = !address.includes(':');
  const all = [...(v4 ? [...Array(12).fill(0), ...bytes.subarray(12)] : bytes)].flatMap((byte: number) =>
    [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1),
  );
  const bits = all.slice(0, Number(length) + (v4 ? 96 : 0));
  return ipVersion === 4 ? bits.slice(96) : bits;
}

function insert(root: Node, bits: number[], leaf: number): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const next = node[bit as 0 | 1];
    if (typeof next === 'number') throw new Error('prefixes overlap');
    node[bit as 0 | 1] = next ?? [null, null];
    node = node[bit as 0 | 1] as Node;
  }
  node[bits.at(-1) as 0 | 1] = leaf;
}

function numbered(root: Node): Node[] {
  const nodes: Node[] = [root];
  for (const node of nodes) for (const branch of node) if (Array.isArray(branch)) nodes.push(branch);
  return nodes;
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes[0] = (3 << 5) | 8;
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  if (typeof value.uint32 === 'number') {
    const bytes = Buffer.alloc(5);
    bytes[0] = (6 << 5) | 4;
    bytes.writeUInt32BE(value.uint32, 1);
    return bytes;
  }
  const entries = Object.entries(value as { [key: string]: MmdbValue });
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([key, v]) => [encode(key), encode(v)]),
  ]);
}

/** The control byte, with the extended type and a longer size where they need bytes of their own. */
function control(type: number, size: number): Buffer {
  if (size > 284) throw new Error('too long for this writer');
  const [inline, more] = size < 29 ? [size, []] : [29, [size - 29]];
  return type > 7 ? Buffer.from([inline, type - 7, ...more]) : Buffer.from([(type << 5) | inline, ...more]);
}
