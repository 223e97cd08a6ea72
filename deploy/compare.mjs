// Compares spend_by_provider (CSV on stdin) with a sandbox's own truth, line by
// line and to the minor unit: node deploy/compare.mjs http://127.0.0.1:PORT
import { readFileSync } from 'node:fs';

const [header, ...lines] = readFileSync(0, 'utf8').trim().split('\n').map((l) => l.replace(/"/g, '').split(','));
const got = new Map();
for (const values of lines) {
  const row = Object.fromEntries(header.map((name, i) => [name, values[i]]));
  got.set([row.source, row.provider_code, row.business_date, row.currency].join(' '), [row.entries, row.spend_minor, row.refunds_minor].join(' '));
}
const answer = await fetch(process.argv[2] + '/sandbox/truth');
if (!answer.ok) throw new Error(`/sandbox/truth answered ${answer.status}`);
const truth = (await answer.json()).spend_by_provider;
let different = 0;
for (const t of truth) {
  const key = [t.source, t.provider_code, t.business_date, t.currency].join(' ');
  const want = [t.entries, t.spend_minor, t.refunds_minor].join(' ');
  if (got.get(key) !== want && ++different <= 5) console.error(`${key}: warehouse ${got.get(key) ?? 'nothing'}, truth ${want}`);
  got.delete(key);
}
for (const key of got.keys()) if (++different <= 5) console.error(`${key}: in the warehouse, not in the truth`);
if (different > 0 || truth.length === 0) {
  console.error(`spend differs from the truth in ${different} of ${truth.length} lines`);
  process.exit(1);
}
console.log(`equal to /sandbox/truth: ${truth.length} lines of source, provider, day and currency`);
