// The payments platform: how many attempts succeed, and why the others do not.
import { get, Problem } from '../api.js';
import { chart } from '../chart.js';
import * as col from '../columns.js';
import { picked } from '../filters.js';
import { add, percent } from '../format.js';
import { t } from '../i18n.js';
import { list } from '../list.js';
import { section, shared } from '../section.js';
import { table, whole } from '../table.js';

export function platform({ now, signal }) {
  const asked = picked(now, platform.filters);
  const success = shared(() => get('/v1/psp/success', { ...asked, limit: most }, signal));
  return [
    section(t('platform.rate'), success, (a) => rates(a.data), { empty: t('platform.empty'), note: t('platform.rate_note') }),
    section(t('platform.by_method'), success, (a) => byMethod(a.data), { empty: t('platform.empty') }),
    list(t('platform.declines'), '/v1/psp/declines', asked, [
      col.code('code', t('col.code')), col.long('message', t('col.message')), col.count('count', t('col.count')), col.money('amount_minor', t('col.amount')),
    ], { signal, empty: t('platform.no_declines'), order: { at: 2, down: true } }),
  ];
}
platform.filters = ['period', 'currency', 'snapshot'];

function summed(rows, keyOf) {
  const all = new Map();
  for (const r of rows) {
    const key = keyOf(r);
    const s = all.get(key) ?? { ...r, attempts: '0', successes: '0' };
    s.attempts = add(s.attempts, r.attempts);
    s.successes = add(s.successes, r.successes);
    all.set(key, s);
  }
  return [...all.values()];
}

const rate = () => ({
  title: t('col.rate'), number: true, cell: (r) => percent(r.successes, r.attempts),
  sort: (r) => (BigInt(r.attempts) ? whole(r.successes) * 1000000n / BigInt(r.attempts) : -1n),
});

const figures = () => [col.count('attempts', t('col.attempts')), col.count('successes', t('col.successes')), rate()];

// An answer has at most so many lines; figures of a part would be wrong.
const most = 1000;

function rates(rows) {
  if (!rows.length) return null;
  if (rows.length >= most) throw new Problem(413, t('platform.too_many'), '');
  const days = summed(rows, (r) => r.day).sort((a, b) => a.day.localeCompare(b.day));
  const points = days.filter((r) => BigInt(r.attempts)).map((r) => ({ day: r.day, values: [String(Number(BigInt(r.successes) * 1000n / BigInt(r.attempts)) / 10)] }));
  return chart(t('platform.rate_by_day'), points, [{ label: t('col.rate') }], { percent: true, columns: [col.date('day', t('col.day')), ...figures()], rows: days });
}

function byMethod(rows) {
  if (!rows.length) return null;
  if (rows.length >= most) throw new Problem(413, t('platform.too_many'), '');
  return table(t('platform.by_method'), [col.text('method', t('col.method')), col.text('currency', t('col.currency')), ...figures()],
    summed(rows, (r) => r.method + ' ' + r.currency), { at: 2, down: true });
}
