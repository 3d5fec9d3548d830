/** The subscribers of bench/fanout.ts: opens them, says when all are subscribed, and then how much came. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

const { port, subscribers, document, different } = JSON.parse(process.argv[2]!) as {
  port: number;
  subscribers: number;
  document: string;
  different: boolean;
};

async function main(): Promise<void> {
  let seen = 0;
  for (let n = 0; n < subscribers; n++) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    });
    await once(socket, 'open');
    socket.send('{"type":"connection_init","payload":{"authorization":"Bearer bench"}}');
    await once(socket, 'message');
    const variables = different ? { filter: { none: [{ eventNames: [`not ${n}`] }] } } : {};
    socket.send(
      JSON.stringify({ id: `subscription ${n}`, type: 'subscribe', payload: { query: document, variables } }),
    );
    socket.on('message', (data: Buffer) => {
      if (data.includes('"type":"next"')) seen++;
      else process.stderr.write(`${data.toString('utf8')}\n`);
    });
  }
  // A subscription is not acknowledged; what was asked after it is answered after it.
  setTimeout(() => {
    process.send!('ready');
    setInterval(() => process.send!(seen), 5);
  }, 1_000);
}

void main();
