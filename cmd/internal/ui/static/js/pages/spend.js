// What was spent: by day, provider and category, a line per currency.
import { get } from '../api.js';
import { chart } from '../chart.js';
import * as col from '../columns.js';
import { h } from '../dom.js';
import { picked } from '../filters.js';
import { add, integer } from '../format.js';
import { t, word } from '../i18n.js';
import { shift } from '../period.js';
import { section, shared } from '../section.js';
import { table } from '../table.js';
import { to } from '../url.js';

export function spend({ now, signal }) {
  const asked = picked(now, spend.filters);
  const by = (group) => get('/v1/spend', { ...asked, group_by: group, limit: 1000 }, signal);
  const categories = shared(() => by('category'));
  return [
    section(t('spend.total'), categories, (a) => totals(a.data), { empty: t('spend.empty') }),
    section(t('spend.by_day'), () => by('day'), (a) => daily(a.data), { empty: t('spend.empty') }),
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

function daily(rows) {
  const currencies = [...new Set(rows.map((r) => r.currency))].sort();
  if (!rows.length) return null;
  const one = (currency) => {
    const days = rows.filter((r) => r.currency === currency).sort((a, b) => a.business_date.localeCompare(b.business_date));
    const date = { ...col.date('business_date', t('col.day')), cell: (r) => drill(r, { from: r.business_date, to: shift(r.business_date, 1), span: '' }, col.date('business_date').cell(r)) };
    return chart(t('spend.net_by_day'), days.map((r) => ({ day: r.business_date, values: [r.net_minor] })), [{ label: t('col.net') }],
      { unit: currency, bars: true, columns: [date, ...figures()], rows: days });
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
