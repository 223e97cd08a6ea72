// What is in the wallets, how it moved, and how it came in.
import { get } from '../api.js';
import { chart } from '../chart.js';
import * as col from '../columns.js';
import { h } from '../dom.js';
import { picked } from '../filters.js';
import { integer, moment } from '../format.js';
import { t } from '../i18n.js';
import { list } from '../list.js';
import { section, shared } from '../section.js';
import { zone } from '../zone.js';

const pages = 5; // of 1000 rows: what a chart of days can use
const lines = 6;

export function wallets({ now, signal }) {
  const asked = picked(now, wallets.filters);
  const balances = shared(() => all('/v1/balances', asked, signal));
  const history = () => all('/v1/ledger', { ...asked, fields: 'posted_at,business_date,wallet_id,currency,amount_minor,balance_after_minor' }, signal);
  return [
    section(t('wallets.now'), balances, newest, { empty: t('wallets.no_balances'), note: t('wallets.now_note') }),
    section(t('wallets.over_time'), history, overTime, { empty: t('wallets.no_history'), note: t('wallets.over_time_note', { n: integer(pages * 1000) }) }),
    list(t('wallets.funding'), '/v1/funding-events', asked, [
      col.time('occurred_at', t('col.occurred_at')), col.code('wallet_id', t('col.wallet')), col.worded('method', t('col.method'), 'method'),
      col.text('terminal_id', t('col.terminal')), col.text('terminal_network', t('col.network')), col.code('card_mask', t('col.card')),
      col.money('amount_minor', t('col.amount')), col.money('fee_minor', t('col.fee')), col.worded('status', t('col.status'), 'status'), col.code('ledger_id', t('col.entry')),
    ], { signal, empty: t('wallets.no_funding'), newest: true }),
  ];
}
wallets.filters = ['period', 'wallet_id', 'currency', 'snapshot'];

async function all(path, asked, signal) {
  const rows = [];
  let cursor = '';
  for (let i = 0; i < pages; i++) {
    const page = await get(path, { ...asked, limit: 1000, order: 'desc', cursor }, signal);
    rows.push(...page.data);
    cursor = page.next_cursor;
    if (!cursor) break;
  }
  return rows.reverse(); // the oldest first
}

const keyOf = (r) => r.wallet_id + ' ' + r.currency;

function newest(rows) {
  const last = new Map(rows.map((r) => [keyOf(r), r])); // in the order of time: the newest stays
  if (!last.size) return null;
  return h('div', { class: 'tiles' }, [...last.values()].map((r) => h('dl', { class: 'tile' },
    h('dt', { class: 'code' }, r.wallet_id), h('dd', {}, col.amountOf(r.available_minor, r.currency)),
    h('dt', {}, t('col.reserved')), h('dd', {}, col.amountOf(r.reserved_minor, r.currency)),
    h('dt', {}, t('col.as_of')), h('dd', {}, moment(r.as_of, zone())))));
}

function overTime(all) {
  const rows = all.filter((r) => r.balance_after_minor !== null && r.balance_after_minor !== undefined);
  if (!rows.length) return null;
  const currencies = [...new Set(rows.map((r) => r.currency))].sort();
  return h('div', { class: 'charts' }, currencies.map((c) => one(c, rows.filter((r) => r.currency === c))));
}

// one draws the last balance of each day, a line per wallet, of at most six.
function one(currency, rows) {
  const names = [...new Set(rows.map((r) => r.wallet_id))].sort().slice(0, lines);
  const days = new Map();
  for (const r of rows) {
    const at = r.business_date;
    if (!days.has(at)) days.set(at, {});
    days.get(at)[r.wallet_id] = r.balance_after_minor;
  }
  const points = [...days.keys()].sort().map((d) => ({ day: d, values: names.map((n) => days.get(d)[n] ?? null) }));
  return chart(t('wallets.balance_by_day'), points, names.map((label) => ({ label })), {
    unit: currency, rows: [...rows].reverse().slice(0, 200),
    columns: [col.time('posted_at', t('col.posted_at')), col.code('wallet_id', t('col.wallet')), col.money('amount_minor', t('col.amount')), col.money('balance_after_minor', t('col.balance_after'))],
  });
}
