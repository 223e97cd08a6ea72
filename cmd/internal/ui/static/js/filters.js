// The pickers above a page. What is picked goes to the address, and the page is
// drawn from the address.
import { get as ask } from './api.js';
import { h, select, withValue } from './dom.js';
import { t, word } from './i18n.js';
import { chosen, days, shift, spans, usual } from './period.js';
import { change, parse } from './url.js';

export function today(zone) {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date());
}

// picked is what a page asks the API for; names says which parameters it takes.
export function picked(now, names = ['period', 'wallet_id', 'currency', 'snapshot']) {
  const { params } = parse();
  const out = {};
  if (names.includes('period')) {
    const { from, to } = chosen(params, now);
    Object.assign(out, { from, to });
  }
  for (const name of names) if (name !== 'period' && params.get(name)) out[name] = params.get(name);
  return out;
}

const asked = {};

// choices are asked for once: they hardly change while somebody looks. Currencies
// are those in which something was spent, not all that there are.
function choices(path, pick, params) {
  asked[path] ??= ask(path, { limit: 1000, ...params }).then((a) => [...new Set((a?.data ?? []).map(pick))].filter(Boolean).sort());
  return asked[path].catch(() => { delete asked[path]; return []; });
}

export function forget() { for (const path of Object.keys(asked)) delete asked[path]; }

export async function filters(now, names) {
  const { params } = parse();
  const [wallets, currencies] = await Promise.all([
    names.includes('wallet_id') ? choices('/v1/wallets', (r) => r.wallet_id) : [],
    names.includes('currency') ? choices('/v1/spend', (r) => r.currency, { group_by: 'source' }) : [],
  ]);
  const any = [['', t('filter.any')]];
  const one = (name, label, values) => select('filter-' + name, label, withValue([...any, ...values.map((v) => [v, v])], params.get(name) ?? ''),
    params.get(name) ?? '', (v) => change({ [name]: v }));
  return h('form', { class: 'filters', 'aria-label': t('filter.title'), onsubmit: (e) => e.preventDefault() },
    names.includes('period') ? period(chosen(params, now), now) : null,
    names.includes('wallet_id') ? one('wallet_id', t('col.wallet'), wallets) : null,
    names.includes('currency') ? one('currency', t('col.currency'), currencies) : null,
    names.includes('snapshot') ? snapshot(params.get('snapshot') ?? '') : null);
}

function period({ span, from, to }, now) {
  const pick = (name) => {
    if (name === 'custom') return change({ span: '', from: from || days(usual, now).from, to: to || days(usual, now).to });
    return change({ span: name === usual ? '' : name, from: '', to: '' });
  };
  const date = (id, label, value, put) => h('div', { class: 'field' }, h('label', { for: id }, label),
    h('input', { id, type: 'date', value, onchange: (e) => change(put(e.target.value)) }));
  return [
    select('filter-span', t('filter.period'), spans.map((s) => [s, word('span', s)]), span, pick),
    span === 'custom' ? [
      date('filter-from', t('filter.from'), from, (v) => ({ from: v })),
      date('filter-to', t('filter.through'), to ? shift(to, -1) : '', (v) => ({ to: v ? shift(v, 1) : '' })),
    ] : null,
  ];
}

function snapshot(value) {
  return h('div', { class: 'field' }, h('label', { for: 'filter-snapshot' }, t('filter.snapshot')),
    h('input', {
      id: 'filter-snapshot', type: 'text', inputmode: 'numeric', pattern: '[0-9]*', size: '8', value, placeholder: t('filter.newest'),
      onchange: (e) => change({ snapshot: e.target.value.replace(/\D/g, '') }),
    }));
}
