import { randomBytes } from 'node:crypto';

/** What docker-compose.yml can't do without. */
export interface ComposeSecrets {
  /** 32 bytes, base64. */
  masterKey: string;
  /** Stand in URLs: letters and digits. */
  mongoPassword: string;
  valkeyPassword: string;
}

const MASTER_KEY_BYTES = 32;
const PASSWORD_BYTES = 24;

export function newSecrets(): ComposeSecrets {
  return {
    masterKey: randomBytes(MASTER_KEY_BYTES).toString('base64'),
    mongoPassword: randomBytes(PASSWORD_BYTES).toString('hex'),
    valkeyPassword: randomBytes(PASSWORD_BYTES).toString('hex'),
  };
}

/** The text of an `.env`; with empty secrets that of `.env.example`. */
export function envFile({ masterKey, mongoPassword, valkeyPassword }: ComposeSecrets): string {
  return `# What docker-compose.yml needs, as \`trailgraph init\` writes it with new secrets. By hand: copy .env.example to .env, set
# the three secrets, keep the file to yourself (chmod 600 .env).

# Encrypts the secrets that the database keeps: AWS keys, webhook secrets, signing keys. 32 random bytes:
#   openssl rand -base64 32
# Keep a copy elsewhere: without it those secrets are lost, and the server refuses to start on that database.
TRAILGRAPH_MASTER_KEY=${masterKey}

# Letters and digits only, since both stand in URLs. Each, for instance: openssl rand -hex 24
# MONGO_PASSWORD counts when the database volume is made; a later change here does not change it there.
MONGO_PASSWORD=${mongoPassword}
VALKEY_PASSWORD=${valkeyPassword}

# The port on this machine's loopback address; put a TLS proxy in front for others. Default 4000.
#PORT=4000
# Who may sign up after the first user: closed (the default) or open.
#SIGNUP=closed
# fatal, error, warn, info, debug or trace. Default info.
#LOG_LEVEL=info
# Networks that sources' own endpoints may lie in, for the profile aws-local: docs/aws-local.md.
#AWS_ENDPOINT_ALLOW_CIDRS=172.16.0.0/12,192.168.0.0/16
# Ports of the two APIs of the profile scale: docs/scaling.md. Defaults 4001 and 4002.
#PORT_1=4001
#PORT_2=4002
`;
}
