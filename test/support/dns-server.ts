import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode, type Packet, type Question } from 'dns-packet';

/** What a name server says to one question; null: nothing, ever. Bytes go out as they are. */
export type DnsAnswer = { rcode?: number; answers?: Answer[] } | Buffer | null;

const RESPONSE_CODE_MASK = 0xf;
const AUTHORITATIVE = 1 << 10;
/** RFC 1035: there is no such name. */
const NAME_ERROR = 3;

/** A name server that says what a test tells it to; names that it was not told of do not exist. */
export class DnsServer {
  private readonly zone = new Map<string, (question: Question) => DnsAnswer>();
  private readonly socket: Socket = createSocket('udp4');

  /** @returns what WEBHOOK_DNS_SERVERS takes */
  async start(): Promise<string> {
    this.socket.on('message', (message, from) => this.onMessage(message, from));
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    return `127.0.0.1:${this.socket.address().port}`;
  }

  /** By name and kind of record; a kind without an entry has no records. */
  records(name: string, records: { A?: string[]; AAAA?: string[]; CNAME?: string }): void {
    this.answer(name, ({ type }) => {
      if (records.CNAME) {
        const alias: Answer = { name, type: 'CNAME', data: records.CNAME, ttl: 0 };
        const beyond = this.zone.get(records.CNAME)?.({ name: records.CNAME, type });
        return { answers: [alias, ...(beyond && !Buffer.isBuffer(beyond) ? (beyond.answers ?? []) : [])] };
      }
      if (type !== 'A' && type !== 'AAAA') return {};
      return { answers: (records[type] ?? []).map((data): Answer => ({ name, type, data, ttl: 0 })) };
    });
  }

  answer(name: string, answer: (question: Question) => DnsAnswer): void {
    this.zone.set(name, answer);
  }

  async stop(): Promise<void> {
    this.socket.close();
    await once(this.socket, 'close');
  }

  private onMessage(message: Buffer, from: RemoteInfo): void {
    const query = decode(message);
    const [question] = query.questions ?? [];
    if (!question) return;
    const name = question.name.toLowerCase();
    const entry = this.zone.get(name);
    const told: DnsAnswer = entry ? entry({ ...question, name }) : { rcode: NAME_ERROR };
    if (told === null) return;
    const reply = Buffer.isBuffer(told)
      ? Buffer.concat([message.subarray(0, 2), told])
      : encode({
          id: query.id ?? 0,
          type: 'response',
          flags: AUTHORITATIVE | ((told.rcode ?? 0) & RESPONSE_CODE_MASK),
          questions: [question],
          answers: (told.answers ?? []).map((answer) =>
            answer.name === name ? { ...answer, name: question.name } : answer,
          ),
        } as Packet);
    this.socket.send(reply, from.port, from.address);
  }
}
