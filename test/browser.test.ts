import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from './support/chromium';
import { eventually } from './support/eventually';
import { opened } from './support/live-state';
import { makePushSource, type PushSource } from './support/pushing';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** A page, and all that it did which it should not: foreign requests, errors, breaches of its policy. */
interface WatchedPage {
  page: Page;
  complaints: string[];
  /** Requests and WebSockets to the server. */
  requests: string[];
}

/** Shows a frame of Apollo's, and asks the API that the page is at. */
const SANDBOX_SCRIPT = `window.EmbeddedSandbox = class {
  constructor({ target, initialEndpoint }) {
    const frame = document.createElement('iframe');
    frame.src = 'https://sandbox.embed.apollographql.com/sandbox/explorer';
    const answer = document.createElement('pre');
    answer.id = 'answer';
    document.querySelector(target).append(frame, answer);
    const headers = { 'content-type': 'application/json' };
    fetch(initialEndpoint, { method: 'POST', headers, body: JSON.stringify({ query: '{ health { status } }' }) })
      .then((response) => response.text())
      .then((text) => { answer.textContent = text; });
  }
};`;

async function watchedPage(browser: Browser, origin: string): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  const requests: string[] = [];
  const host = new URL(origin).host;
  const note = (url: string): void => {
    requests.push(url);
    const { protocol, host: asked } = new URL(url);
    if (protocol !== 'data:' && protocol !== 'blob:' && asked !== host) complaints.push(`asked ${url}`);
  };
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
  });
  page.on('console', (message) => {
    // A breach of the Content-Security-Policy is told as an error too.
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints, requests };
}

describe('in a real browser', () => {
  let app: TestTrailGraph;
  let source: PushSource;
  let browser: Browser;

  beforeAll(async () => {
    app = await startTrailGraph();
    source = await makePushSource(app, 'pushed');
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await app.stop();
  });

  test('the home page shows that all is healthy', async () => {
    const { page, complaints } = await watchedPage(browser, app.url);
    await page.goto(app.url);
    await page.locator('#status[data-status="HEALTHY"]').waitFor();
    expect(await page.locator('#status-word').innerText()).toBe('Healthy');
    expect(await page.locator('#components tbody tr td:first-child').allInnerTexts()).toEqual([
      'mongodb',
      'valkey',
    ]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('the home page leads only to what is served', async () => {
    const links = async (url: string): Promise<string[]> => {
      const { page, complaints } = await watchedPage(browser, url);
      await page.goto(url, { waitUntil: 'networkidle' });
      const found = await page
        .locator('.places a:visible')
        .evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
      expect(complaints).toEqual([]);
      await page.close();
      return found;
    };
    expect(await links(app.url)).toEqual(['/graphiql/', '/sandbox', '/openapi.json', '/metrics', '/readyz']);
    const bare = await startTrailGraph({ settings: { GRAPHIQL: 'false', APOLLO_SANDBOX: 'false' } });
    try {
      expect(await links(bare.url)).toEqual(['/openapi.json', '/metrics', '/readyz']);
    } finally {
      await bare.stop();
    }
  });

  test('GraphiQL signs in, queries, and shows an event while it is stored, all from this server alone', async () => {
    const { page, complaints, requests } = await watchedPage(browser, app.url);
    const execute = page.getByRole('button', { name: /^execute query/i });
    const result = page.locator('.result-window');
    const shows = (text: string): Promise<void> =>
      eventually(async () => (await result.innerText()).includes(text), `${text} is shown`);
    const openTab = (name: string): Promise<void> => page.getByRole('tab', { name }).click();

    await page.goto(`${app.url}/graphiql`);
    await page.getByLabel('Email').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText(`Signed in as ${ADMIN.email}`).waitFor();

    await source.pushNew(1, { eventName: 'FoundByQuery' });
    await openTab('RecentEvents');
    await execute.click();
    await shows('FoundByQuery');

    await openTab('Live');
    await execute.click();
    await opened(app, 1);
    await source.pushNew(1, { eventName: 'SeenLive' });
    await shows('SeenLive');
    await source.pushNew(1, { eventName: 'SeenNext' });
    await shows('SeenNext');
    await page.getByRole('button', { name: /^stop query/i }).click();
    await opened(app, 0);

    expect(requests.filter((url) => url.startsWith('ws:'))).toEqual([
      `${app.url.replace('http', 'ws')}/graphql`,
    ]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('the page of Apollo Sandbox may run its script, show its frame and ask our API, and no more', async () => {
    const page = await browser.newPage();
    const breaches: string[] = [];
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) breaches.push(message.text());
    });
    // The network of a test has no Apollo: in its place stands what its script does.
    await page.route(/^https:\/\//, (route) => {
      const { host } = new URL(route.request().url());
      if (host === 'embeddable-sandbox.cdn.apollographql.com')
        return route.fulfill({ contentType: 'text/javascript', body: SANDBOX_SCRIPT });
      if (host === 'sandbox.embed.apollographql.com')
        return route.fulfill({ contentType: 'text/html', body: 'the frame' });
      return route.abort();
    });
    await page.goto(`${app.url}/sandbox`);
    await page.locator('#answer').filter({ hasText: '"health"' }).waitFor();
    await page.frameLocator('iframe').getByText('the frame').waitFor();
    expect(breaches).toEqual([]);
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { src: 'https://elsewhere.example/script.js' }))`,
    );
    await eventually(() => breaches.length > 0, 'a script from elsewhere is refused');
    expect(breaches.join()).toContain('elsewhere.example');
    await page.close();
  });
});
