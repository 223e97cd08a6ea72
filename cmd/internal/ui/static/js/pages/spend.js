// What was spent: by day, provider and category, a line per currency.
import { get } from '../api.js';
import { chart } from '../chart.js';
import * as col from '../columns.js';
import { h } from '../dom.js';
import { picked } from '../filters.js';
import { add, day, integer } from '../format.js';
import { t, word } from '../i18n.js';
import { shift } from '../period.js';
import { section, shared } from '../section.js';
import { table } from '../table.js';
import { to } from '../url.js';

export function spend({ now, signal }) {
  const asked = picked(now, spend.filters);
  const by = (group) => get('/v1/spend', { ...asked, group_by: group, limit: 1000 }, signal);
  const long = isLong(asked);
  const categories = shared(() => by('category'));
  return [
    section(t('spend.total'), categories, (a) => totals(a.data), { empty: t('spend.empty') }),
    section(long ? t('spend.by_month') : t('spend.by_day'), () => by(long ? 'month' : 'day'), (a) => timed(a.data, long), { empty: t('spend.empty') }),
    h('div', { class: 'columns' },
      section(t('spend.by_provider'), () => by('provider,source'), (a) => grouped(t('spend.by_provider'), provider(), a.data), { empty: t('spend.empty') }),
      section(t('spend.by_category'), categories, (a) => grouped(t('spend.by_category'), category(), a.data), { empty: t('spend.empty') })),
  ];
}
spend.filters = ['period', 'wallet_id', 'currency', 'snapshot'];

function sums(rows) {
  const all = new Map();
  for (const r of rows) {
    const s = all.get(r.currency) ?? { currency: r.currency, entries: '0', spend_minor: '0', refunds_minor: '0', net_minor: '0' };
    for (const name of ['entries', 'spend_minor', 'refunds_minor', 'net_minor']) s[name] = add(s[name], r[name]);
    all.set(r.currency, s);
  }
  return [...all.values()].sort((a, b) => a.currency.localeCompare(b.currency));
}

function totals(rows) {
  if (!rows.length) return null;
  const fact = (title, value) => [h('dt', {}, title), h('dd', {}, value)];
  return h('div', { class: 'tiles' }, sums(rows).map((s) => h('dl', { class: 'tile' },
    fact(t('col.net'), col.amountOf(s.net_minor, s.currency)), fact(t('col.spend'), col.amountOf(s.spend_minor, s.currency)),
    fact(t('col.refunds'), col.amountOf(s.refunds_minor, s.currency)), fact(t('col.entries'), integer(s.entries)))));
}

const figures = () => [
  col.count('entries', t('col.entries')), col.money('spend_minor', t('col.spend')),
  col.money('refunds_minor', t('col.refunds')), col.money('net_minor', t('col.net')),
];

// isLong says whether days would be too many to look at, and to ask for.
function isLong({ from, to }) {
  return !from || !to || (Date.parse(to) - Date.parse(from)) / 86400000 > 200;
}

// first is the first day of a row's day or month, after the first day after it.
const first = (r) => r.business_date ?? r.month + '-01';

function after(r) {
  if (r.business_date) return shift(r.business_date, 1);
  const [year, month] = r.month.split('-').map(Number);
  return new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10);
}

function timed(rows, long) {
  const currencies = [...new Set(rows.map((r) => r.currency))].sort();
  if (!rows.length) return null;
  const one = (currency) => {
    const days = rows.filter((r) => r.currency === currency).sort((a, b) => first(a).localeCompare(first(b)));
    const date = {
      title: t(long ? 'col.month' : 'col.day'), sort: first,
      cell: (r) => drill(r, { from: first(r), to: after(r), span: '' }, r.month ?? day(r.business_date)),
    };
    return chart(t(long ? 'spend.net_by_month' : 'spend.net_by_day'), days.map((r) => ({ day: first(r), values: [r.net_minor] })), [{ label: t('col.net') }],
      { unit: currency, bars: long ? 30 : 1, columns: [date, ...figures()], rows: days });
  };
  return h('div', { class: 'charts' }, currencies.map(one));
}

const drill = (r, extra, text) => h('a', { href: to('rows', { currency: r.currency, ...extra }) }, text);

const provider = () => [
  {
    title: t('col.provider'), sort: (r) => r.provider_name || r.provider_code,
    cell: (r) => drill(r, { provider_code: r.provider_code, source: r.source }, r.provider_name || r.provider_code || t('spend.no_provider')),
  },
  col.text('source', t('col.source')),
];

const category = () => [{
  title: t('col.category'), sort: (r) => word('category', r.category),
  cell: (r) => drill(r, { category: r.category, source: r.source }, word('category', r.category) || t('spend.no_category')),
}];

function grouped(title, heads, rows) {
  if (!rows.length) return null;
  return table(title, [...heads, ...figures()], rows, { at: heads.length + 3, down: true });
}
