// Health by the one query that needs no sign-in, and the small comforts of the page.

const EVERY_MS = 5_000;
const TIMEOUT_MS = 4_000;
const QUERY =
  'query { health { status version uptimeSeconds components { name status latencyMs message } } }';

const WORDS = {
  HEALTHY: 'Healthy',
  DEGRADED: 'Degraded',
  FAILING: 'Failing',
  UNKNOWN: 'Unknown',
  UNREACHABLE: "The server can't be reached",
};

const part = (id) => document.getElementById(id);

/** The server's health. Throws an Error whose message is for the reader. */
async function askHealth() {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({ query: QUERY }),
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.json().catch(() => null);
  const health = answer?.data?.health;
  if (health) return health;
  return {
    status: 'FAILING',
    problem: answer?.errors?.[0]?.message ?? `it answered ${response.status} without saying more`,
    components: [],
  };
}

function duration(seconds) {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first === -1) return '0 s';
  let rest = Math.floor(seconds);
  return units
    .slice(first, first + 2)
    .map(([name, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count > 0 ? `${count} ${name}` : '';
    })
    .join(' ')
    .trim();
}

/** Text that did not change is left alone, so that a screen reader says only what is new. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showStatus(status, detail) {
  part('status').dataset.status = status;
  setText(part('status-word'), WORDS[status] ?? status);
  setText(part('status-detail'), detail);
}

function cell(text, status) {
  const td = document.createElement('td');
  td.textContent = text;
  if (status) td.dataset.status = status;
  return td;
}

function showComponents(components) {
  const table = part('components');
  table.hidden = components.length === 0;
  const rows = components.map(({ name, status, latencyMs, message }) => {
    const row = document.createElement('tr');
    const latency = typeof latencyMs === 'number' ? `${latencyMs.toFixed(1)} ms` : '';
    row.append(cell(name), cell(WORDS[status] ?? status, status), cell(latency), cell(message ?? ''));
    return row;
  });
  table.tBodies[0].replaceChildren(...rows);
}

function show(health) {
  const detail = health.problem ?? `version ${health.version}, up for ${duration(health.uptimeSeconds)}`;
  showStatus(health.status, detail);
  showComponents(health.components);
}

let lastSeen = null;

async function refresh() {
  try {
    show(await askHealth());
    lastSeen = new Date();
  } catch (error) {
    const slow = error.name === 'TimeoutError' ? `no answer within ${TIMEOUT_MS / 1000} s` : 'no connection';
    const since = lastSeen ? `; last seen at ${lastSeen.toLocaleTimeString()}` : '';
    showStatus('UNREACHABLE', `${slow}${since}. Trying again every ${EVERY_MS / 1000} s.`);
    showComponents([]);
  }
}

async function keepRefreshing() {
  if (!document.hidden) await refresh();
  setTimeout(keepRefreshing, EVERY_MS);
}

/** Copying needs a secure context: elsewhere there is no button. */
function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const pre of document.querySelectorAll('pre')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    button.addEventListener('click', async () => {
      const copied = await navigator.clipboard.writeText(pre.textContent).then(
        () => true,
        () => false,
      );
      button.textContent = copied ? 'Copied' : 'Not allowed';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 2_000);
    });
    const snippet = document.createElement('div');
    snippet.className = 'snippet';
    pre.replaceWith(snippet);
    snippet.append(pre, button);
  }
}

/** Takes away what leads to a page that this server is set not to serve. */
async function hideWhatIsOff() {
  const response = await fetch('/places.json', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const places = await response.json();
  for (const element of document.querySelectorAll('[data-place]'))
    element.hidden = !places[element.dataset.place];
  for (const element of document.querySelectorAll('[data-without]'))
    element.hidden = places[element.dataset.without];
}

for (const element of document.querySelectorAll('[data-origin]')) element.textContent = location.origin;
addCopyButtons();
hideWhatIsOff().catch(() => undefined); // Then all links stay, which the health line explains.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});
void keepRefreshing();
