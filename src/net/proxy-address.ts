import { isIP } from 'node:net';
import { parse } from 'ipaddr.js';
import { Invalid } from '../domain/errors';
import { bareHost, type Cidr, parseCidrs, portOf } from './address-guard';

/** An HTTP proxy that is asked for tunnels (CONNECT). */
export interface ProxyAddress {
  /** A name or an address, without brackets. */
  host: string;
  port: number;
  /** Spoken to by TLS (https://). */
  secure: boolean;
  /** The value of Proxy-Authorization; null where no user is named. Secret. */
  authorization: string | null;
}

/** Which receivers are reached without the proxy. */
export interface NoProxy {
  /** Names in lower case: each stands for itself and all below it. */
  names: string[];
  /** For hosts that are written as an address. */
  ranges: Cidr[];
}

/**
 * Reads `http://user:password@proxy.internal:3128`; https:// speaks TLS to the proxy itself.
 * @throws Invalid, without the text, which may hold a password
 */
export function parseProxy(text: string): ProxyAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '')
    throw new Invalid('must be a URL like http://user:password@proxy.example.com:3128 (http or https)');
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '')
    throw new Invalid('must end after the port: a proxy has no path');
  const named = url.username !== '' || url.password !== '';
  return {
    host: bareHost(url.hostname),
    port: portOf(url),
    secure: url.protocol === 'https:',
    authorization: named ? `Basic ${Buffer.from(credentialsOf(url)).toString('base64')}` : null,
  };
}

function credentialsOf({ username, password }: URL): string {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    throw new Invalid('has a user or password that is not written in percent-encoding');
  }
}

/**
 * Reads `internal.example.com, 10.0.0.0/8`: names (with all below them; a leading dot or `*.` may be written) and ranges.
 * @throws Invalid that names the part at fault
 */
export function parseNoProxy(text: string): NoProxy {
  const rules: NoProxy = { names: [], ranges: [] };
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    if (isIP(part.split('/')[0]!) !== 0) rules.ranges.push(...parseCidrs(part));
    else if (/^(?:\*?\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(part))
      rules.names.push(part.replace(/^\*?\./, '').toLowerCase());
    else throw new Invalid(`"${part.slice(0, 60)}" is neither a name nor an address range`);
  }
  return rules;
}

/** Whether a host of a URL is reached without the proxy. An address that a name resolves to is not looked at. */
export function goesDirect(host: string, { names, ranges }: NoProxy): boolean {
  if (isIP(host) === 0) {
    const name = host.toLowerCase().replace(/\.$/, '');
    return names.some((each) => name === each || name.endsWith(`.${each}`));
  }
  const address = parse(host);
  return ranges.some(
    ({ network, prefix }) => network.kind() === address.kind() && address.match(network, prefix),
  );
}
