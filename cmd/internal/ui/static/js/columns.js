// Columns that many tables have, by the names of the warehouse's columns.
import { h } from './dom.js';
import { amount, day, exponent, integer, moment } from './format.js';
import { word } from './i18n.js';
import { whole } from './table.js';
import { zone } from './zone.js';

export const text = (name, title) => ({ title, cell: (r) => r[name] ?? '', sort: (r) => String(r[name] ?? '') });

export const long = (name, title) => ({ ...text(name, title), long: true });

export const code = (name, title) => ({ ...text(name, title), code: true });

export const worded = (name, title, family) => ({
  title, sort: (r) => String(r[name] ?? ''),
  cell: (r) => (r[name] ? h('span', { class: 'tag tag-' + tone(r[name]) }, word(family, r[name])) : ''),
});

export const count = (name, title) => ({ title, number: true, cell: (r) => integer(r[name]), sort: (r) => whole(r[name]) });

export const date = (name, title) => ({ title, cell: (r) => day(r[name]), sort: (r) => String(r[name] ?? '') });

export const time = (name, title) => ({ title, cell: (r) => moment(r[name], zone()), sort: (r) => String(r[name] ?? '') });

export const money = (name, title, currency = 'currency') => ({
  title, number: true, sort: (r) => whole(r[name]),
  cell: (r) => amountOf(r[name], r[currency]),
});

// amountOf shows the number and, quieter, its currency.
export function amountOf(minor, currency) {
  const number = amount(minor, currency);
  if (number === '') return '';
  const unknown = exponent(currency) === null;
  return h('span', { class: String(minor).startsWith('-') ? 'amount minus' : 'amount' }, number,
    h('span', { class: 'currency' }, '\u00a0' + (currency || '¤') + (unknown ? '\u00a0×10⁻ⁿ' : '')));
}

const good = ['done', 'posted', 'success', 'active', 'delivered', 'closed', 'equal', 'matched', 'ok', 'holds', 'confirmed', 'resolved', 'explained', 'agrees', 'full', 'whole'];
const bad = ['failed', 'broken', 'decline', 'error', 'refused', 'dead', 'rejected', 'different', 'missing', 'critical', 'high', 'internal_error', 'external_error', 'ambiguous'];
const soft = ['pending', 'open', 'draft', 'partial', 'quarantined', 'medium', 'waiting', 'processing', 'reversed', 'warning', 'warn', 'running'];

function tone(value) {
  if (good.includes(value)) return 'good';
  if (bad.includes(value)) return 'bad';
  return soft.includes(value) ? 'soft' : 'plain';
}
