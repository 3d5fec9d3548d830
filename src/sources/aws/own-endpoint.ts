import { Permanent } from '../../domain/errors';
import type { AddressGuard } from '../../net/address-guard';
import { BLOCKED_ENDPOINT_REMEDY } from './aws-defaults';

/** The endpoint that a source has of its own. @throws Permanent with a remedy where it may not be called */
export function ownEndpoint(text: string, guard: AddressGuard): URL {
  if (!URL.canParse(text)) {
    throw new Permanent('the endpoint is not a URL', {
      remedy: 'Write it like https://s3.example.com:9000',
    });
  }
  const endpoint = new URL(text);
  const reason = guard.checkUrl(endpoint);
  if (reason !== null) {
    throw new Permanent(`the endpoint ${endpoint.origin} may not be called: ${reason}`, {
      remedy: BLOCKED_ENDPOINT_REMEDY,
    });
  }
  return endpoint;
}
