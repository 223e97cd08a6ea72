// The rows behind a figure: of wallets' ledgers, platforms, banks and loyalty programmes.
import * as col from '../columns.js';
import { get } from '../api.js';
import { h, select } from '../dom.js';
import { picked } from '../filters.js';
import { t, word } from '../i18n.js';
import { list } from '../list.js';
import { change, to } from '../url.js';

const tables = {
  ledger: {
    path: '/v1/ledger', without: [],
    columns: () => [
      col.time('posted_at', t('col.posted_at')), col.worded('type', t('col.type'), 'type'), col.text('provider_code', t('col.provider')), category(),
      col.money('amount_minor', t('col.amount')), col.money('fee_minor', t('col.fee')), col.money('balance_after_minor', t('col.balance_after')),
      col.worded('status', t('col.status'), 'status'), col.code('wallet_id', t('col.wallet')), col.code('entry_id', t('col.id')), col.count('snapshot', t('col.snapshot')),
    ],
  },
  operations: {
    path: '/v1/operations', without: ['wallet_id', 'category'],
    columns: () => [
      col.time('created_at', t('col.created_at')), col.worded('type', t('col.type'), 'type'), col.worded('status', t('col.status'), 'status'),
      col.text('provider_code', t('col.provider')), col.money('amount_minor', t('col.amount')), col.text('method', t('col.method')),
      col.code('code', t('col.code')), col.text('message', t('col.message')), col.code('payment_id', t('col.payment')), col.code('operation_id', t('col.id')), col.count('snapshot', t('col.snapshot')),
    ],
  },
  bank_entries: {
    path: '/v1/bank-entries', without: ['wallet_id'],
    columns: () => [
      col.time('booked_at', t('col.posted_at')), col.text('provider_code', t('col.provider')), category(), col.money('amount_minor', t('col.amount')),
      col.worded('status', t('col.status'), 'status'), col.long('remittance_information', t('col.message')), col.code('account_id', t('col.account')), col.code('entry_id', t('col.id')), col.count('snapshot', t('col.snapshot')),
    ],
  },
  loyalty_entries: {
    path: '/v1/loyalty-entries', without: ['wallet_id', 'category'],
    columns: () => [
      col.time('posted_at', t('col.posted_at')), col.worded('type', t('col.type'), 'type'), col.text('provider_code', t('col.provider')), col.text('points', t('col.points')),
      col.money('amount_minor', t('col.amount')), col.worded('status', t('col.status'), 'status'), col.code('entry_id', t('col.id')), col.count('snapshot', t('col.snapshot')),
    ],
  },
};

const category = () => ({ title: t('col.category'), cell: (r) => word('category', r.category), sort: (r) => r.category ?? '' });

export async function rows({ now, signal, params }) {
  const name = tables[params.get('table')] ? params.get('table') : await tableOf(params.get('source'), signal);
  const one = tables[name];
  const asked = picked(now, [...rows.filters, 'provider_code', 'category', 'source'].filter((f) => !one.without.includes(f)));
  const ignored = one.without.filter((f) => params.get(f));
  return [
    h('div', { class: 'bar' }, h('a', { class: 'back', href: to('spend') }, t('rows.back')),
      select('rows-table', t('rows.table'), Object.keys(tables).map((n) => [n, word('table', n)]), name, (v) => change({ table: v })), chips(params)),
    ignored.length ? h('p', { class: 'note' }, t('rows.ignored', { what: ignored.map((f) => params.get(f)).join(', ') })) : null,
    list(word('table', name), one.path, asked, one.columns(), { signal, empty: t('rows.empty'), newest: true }),
  ];
}
rows.filters = ['period', 'wallet_id', 'currency', 'snapshot'];

// tableOf finds the table that a source fills, so that a figure of a platform
// leads to its operations.
async function tableOf(source, signal) {
  if (!source) return 'ledger';
  const status = await get('/v1/status', {}, signal).catch((err) => {
    if (err.name === 'AbortError') throw err;
    return { pipelines: [] };
  });
  return status.pipelines.find((p) => p.source === source && tables[p.table])?.table ?? 'ledger';
}

function chips(params) {
  const named = [['provider_code', t('col.provider')], ['category', t('col.category')], ['source', t('col.source')]];
  return h('ul', { class: 'chips' }, named.filter(([name]) => params.get(name)).map(([name, title]) => h('li', {},
    h('button', { type: 'button', class: 'chip', 'aria-label': t('rows.remove', { what: title + ' ' + params.get(name) }), onclick: () => change({ [name]: '' }) },
      title + ': ' + params.get(name) + ' ×'))));
}
