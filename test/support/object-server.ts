import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { eventually } from './eventually';
import type { TestTrailGraph } from './trailgraph';

/** Just enough of S3 to read objects from: what is not there is answered 503. */
export function slowObjects() {
  const objects = new Map<string, Buffer>();
  const held = new Map<string, { bytes: number; released: Promise<void>; release: () => void }>();
  const seen = new Set<string>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url!, 'http://x').pathname;
    const body = objects.get(path);
    if (!body) {
      response
        .writeHead(503, { 'content-type': 'application/xml' })
        .end('<Error><Code>SlowDown</Code></Error>');
      return;
    }
    seen.add(path);
    response.writeHead(200, { 'content-length': body.length, etag: etagOf(body) });
    const hold = held.get(path);
    response.write(body.subarray(0, hold?.bytes ?? 0));
    await hold?.released;
    response.end(body.subarray(hold?.bytes ?? 0));
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  return {
    objects,
    /** Answers with so many bytes, and with the rest once it is released. */
    hold: (path: string, bytes = 0): void => {
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      held.set(path, { bytes, released, release });
    },
    release: (path: string): void => {
      held.get(path)?.release();
      held.delete(path);
    },
    asked: (path: string): Promise<void> => eventually(() => seen.has(path), `${path} is asked for`),
    start: async (): Promise<string> => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A source whose bucket that server is; it lists nothing, since its batches come from the test. */
export async function bucketSource(app: TestTrailGraph, endpointUrl: string): Promise<string> {
  const admin = await app.admin();
  const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
    'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
    {
      input: {
        name: 'bucket',
        s3: { bucket: 'bucket', pollIntervalSeconds: 86_400 },
        aws: { region: 'us-east-1', endpointUrl, accessKeyId: 'key', secretAccessKey: 'secret' },
      },
    },
  );
  return createSource.source.id;
}

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;

/** An object as a listing would have found it. */
export function objectBatch(sourceId: string, key: string, records: unknown[]) {
  const body = gzipSync(JSON.stringify({ Records: records }));
  return {
    body,
    batch: {
      _id: `obj_${key}`,
      sourceId,
      sourceKind: 'S3_BUCKET' as const,
      reference: `s3://bucket/${key}`,
      object: {
        bucket: 'bucket',
        key,
        etag: etagOf(body).replaceAll('"', ''),
        size: body.length,
        lastModified: new Date(),
      },
    },
  };
}
