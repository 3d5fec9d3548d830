import { type DescribedSetting, describedSettings } from './catalogue';
import { SUBJECTS } from './setting-facts';

const HEAD = `# Configuration

TrailGraph is set by environment variables. This page is written by \`trailgraph config --markdown --out docs/configuration.md\` from \`src/config\`; a test holds it to that.

- \`trailgraph config\` prints what is in force, and where each value comes from, without secrets. \`trailgraph doctor\` tries it.
- A secret may also come from a file: \`NAME_FILE\` holds its path. White space around it is left out.
- An empty variable counts as not set.
- All faults are told at once, before anything is started.
- A variable that begins with \`TRAILGRAPH_\` and is no setting is warned of; one that is nearly a setting is refused. What Kubernetes adds for a Service (\`TRAILGRAPH_SERVICE_HOST\`, \`TRAILGRAPH_PORT_4000_TCP\` and their like) is left alone.
- \`MONGODBCONNECTION\` is another name of \`MONGODB_URI\`.
- Read by: \`api\` and \`worker\` are the roles; a server with \`ROLE=all\` reads what both read, and what is marked \`all\`; \`commands\` are those of \`trailgraph\`.
`;

/** docs/configuration.md, as the schema says. */
export function configurationPage(): string {
  const settings = describedSettings();
  const sections = SUBJECTS.map((subject) => {
    const rows = settings.filter((setting) => setting.subject === subject).map(row);
    return [
      `\n## ${subject}\n`,
      '| name | meaning | default | limits | unit | read by |',
      '|---|---|---|---|---|---|',
      ...rows,
      '',
    ].join('\n');
  });
  return HEAD + sections.join('');
}

function row(setting: DescribedSetting): string {
  const { name, description, limits, unit = '', readBy, secret, otherwise = '' } = setting;
  const meaning = secret ? `${description} **Secret**: or \`${name}_FILE\`.` : description;
  const fallback = setting.default === null ? otherwise : `\`${setting.default}\``;
  // GitHub's tables split at a bar, also within code.
  const cells = [`\`${name}\``, meaning, fallback, limits, unit, readBy.join(', ')];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
