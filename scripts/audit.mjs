// Looks for known vulnerabilities of the packages in package-lock.json, as audit-ci.jsonc says. Ends with 1 where there are
// some, or where an exception has no reason or no end. A registry that does not know how to look is told of plainly: then
// nothing was checked, and that is no fault of the packages.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const config = join(root, 'audit-ci.jsonc');
const WITHIN_MS = 180_000;
const options = { cwd: root, encoding: 'utf8', timeout: WITHIN_MS, maxBuffer: 64 * 1024 * 1024 };

/** Exceptions that say too little. */
function badExceptions() {
  const text = readFileSync(config, 'utf8').replace(/^\s*\/\/.*$/gm, '');
  return JSON.parse(text).allowlist.flatMap((entry) => {
    if (typeof entry === 'string') return [`${entry}: give it notes and an expiry`];
    return Object.entries(entry).flatMap(([name, { notes, expiry }]) => {
      if (!notes) return [`${name}: its notes must say why`];
      return Number.isNaN(Date.parse(expiry)) ? [`${name}: its expiry must be a date`] : [];
    });
  });
}

/** Why the registry could not be asked; null where it answered. */
function whyNotAsked() {
  const { stdout, stderr, error } = spawnSync('npm', ['audit', '--json'], options);
  if (error) return error.message;
  try {
    const answer = JSON.parse(stdout);
    return answer.auditReportVersion
      ? null
      : (answer.message ?? answer.error?.summary ?? 'it gave no report');
  } catch {
    return `npm audit said no JSON: ${stderr.trim().slice(0, 500)}`;
  }
}

const bad = badExceptions();
if (bad.length > 0) {
  console.error(`audit-ci.jsonc is not right:\n  ${bad.join('\n  ')}`);
  process.exit(1);
}
const reason = whyNotAsked();
if (reason !== null) {
  console.log(`KNOWN VULNERABILITIES WERE NOT CHECKED: the registry does not answer npm audit (${reason}).`);
  process.exit(0);
}
const { status } = spawnSync('npx', ['--no-install', 'audit-ci', '--config', config], {
  ...options,
  stdio: 'inherit',
});
if (status === 0)
  console.log('Known vulnerabilities were checked: none that is not allowed for in audit-ci.jsonc.');
process.exit(status ?? 1);
