import type { Core } from './core';
import { messageOf } from './domain/errors';
import type { AddressGuard } from './net/address-guard';
import { resolveBy } from './net/dns-servers';
import { GuardedAgent } from './net/guarded-agent';
import { systemResolve } from './net/guarded-lookup';
import { LookUps } from './net/look-ups';
import type { ProxyOptions } from './net/proxied-connect';
import { parseNoProxy, parseProxy } from './net/proxy-address';
import { ProxyGate, type ProxyState } from './net/proxy-gate';

/** How webhooks are reached from this process. The owner closes the agent. */
export interface WebhookAgent {
  agent: GuardedAgent;
  /** Milliseconds for which the way to a URL is closed; 0: it is open. */
  closedForMs: (url: URL) => number;
}

/** A look-up by c-ares holds no thread. */
const LOOK_UPS_WITHOUT_THREADS = 64;

/** Connections for webhooks as the settings have them: by which name servers, and by which proxy. */
export function makeWebhookAgent(core: Core, guard: AddressGuard): WebhookAgent {
  const { WEBHOOK_DNS_SERVERS: servers } = core.settings;
  const lookUps =
    servers.length > 0
      ? new LookUps(resolveBy(servers), { atOnce: LOOK_UPS_WITHOUT_THREADS })
      : new LookUps(systemResolve);
  const proxy = proxyOf(core);
  const agent = new GuardedAgent(guard, { resolve: lookUps.resolve, ...(proxy ? { proxy } : {}) });
  return { agent, closedForMs: (url) => agent.closedForMs(url) };
}

function proxyOf(core: Core): ProxyOptions | null {
  const { WEBHOOK_PROXY, WEBHOOK_PROXY_RESOLVES, WEBHOOK_NO_PROXY } = core.settings;
  if (!WEBHOOK_PROXY) return null;
  return {
    address: parseProxy(WEBHOOK_PROXY),
    resolves: WEBHOOK_PROXY_RESOLVES,
    noProxy: parseNoProxy(WEBHOOK_NO_PROXY),
    gate: new ProxyGate({ now: () => performance.now(), random: Math.random, onState: tellerOf(core) }),
    userAgent: `TrailGraph/${core.options.version}`,
  };
}

/** Tells the operator: in the log at each change, in the metrics, and in the health of the API. */
function tellerOf(core: Core): (state: ProxyState) => void {
  const { log, metrics } = core;
  const note = noterOf(core);
  let told = false;
  return (state) => {
    const { failing, message } = state;
    metrics.proxy(failing);
    if (failing && !told)
      log.warn(
        {
          error: message,
          remedy: 'Look at the proxy that WEBHOOK_PROXY names: its address, user, password and rules.',
        },
        'the proxy for webhooks fails: webhooks wait, and no attempt counts against them',
      );
    if (!failing) log.info('the proxy for webhooks works again');
    told = failing;
    void note(state);
  };
}

/** Writes how the proxy fares, one after the other; of what is told meanwhile only the last. */
function noterOf({ log, proxyReports }: Core): (state: ProxyState) => Promise<void> {
  let next: ProxyState | null = null;
  let writing = false;
  return async (state) => {
    next = state;
    if (writing) return;
    writing = true;
    while (next) {
      const { failing, message }: ProxyState = next;
      next = null;
      try {
        await (failing ? proxyReports.failing(message ?? 'it fails') : proxyReports.mended());
      } catch (error) {
        log.debug({ error: messageOf(error) }, 'how the proxy for webhooks fares could not be noted');
      }
    }
    writing = false;
  };
}
