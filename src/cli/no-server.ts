/** What a certificate is refused by: codes of OpenSSL, and of Node where the name is another one. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/;

/**
 * Why a server was not reached, and what to do about it.
 * @param reason the code of the error, or its words
 */
export function noServerAt(server: string, reason: string): string {
  return CERTIFICATE.test(reason)
    ? `The certificate of ${server} is not trusted (${reason}): name the file of its authority by NODE_EXTRA_CA_CERTS, and with --url the server as its certificate does.`
    : `No server answers at ${server} (${reason}): start it with \`npm start\`, or name another one with --url.`;
}
