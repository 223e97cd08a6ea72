// Tables: sortable by their headings, numbers to the right, wide ones scroll
// inside their own frame so that the page never does.
import { h } from './dom.js';
import { t } from './i18n.js';

// A column is {title, cell(row), sort(row), number, code, long}; without sort its
// heading is no button. sort gives a string, a number or a BigInt.
export function table(caption, columns, rows, order = {}) {
  const body = h('tbody');
  const heads = columns.map((c, i) => head(c, () => { turn(i); }));
  const draw = () => {
    heads.forEach((th, i) => {
      if (columns[i].sort) th.setAttribute('aria-sort', order.at === i ? (order.down ? 'descending' : 'ascending') : 'none');
    });
    body.replaceChildren(...arranged(rows, columns, order).map((row) => line(columns, row)));
  };
  const turn = (i) => {
    order.down = order.at === i ? !order.down : Boolean(columns[i].number);
    order.at = i;
    draw();
  };
  draw();
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', {}, h('caption', { class: 'hidden' }, caption), h('thead', {}, h('tr', {}, heads)), body));
}

function head(column, onclick) {
  const inside = column.sort
    ? h('button', { type: 'button', class: 'sort', onclick, title: t('table.sort') }, column.title)
    : column.title;
  return h('th', { scope: 'col', class: column.number ? 'number' : null }, inside);
}

function line(columns, row) {
  return h('tr', {}, columns.map((c, i) => h(i === 0 ? 'th' : 'td', {
    scope: i === 0 ? 'row' : null,
    class: [c.number ? 'number' : '', c.code ? 'code' : '', c.long ? 'long' : ''].join(' ').trim() || null,
  }, c.cell(row))));
}

function arranged(rows, columns, order) {
  const by = columns[order.at]?.sort;
  if (!by) return rows;
  const sign = order.down ? -1 : 1;
  return rows.map((row, i) => [by(row), i, row]).sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]).map((x) => x[2]);
}

function compare(a, b) {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b);
  return a < b ? -1 : a > b ? 1 : 0;
}

// whole reads a whole number for sorting; what is none counts as the least.
export function whole(value) {
  return /^-?\d+$/.test(String(value ?? '')) ? BigInt(value) : -(1n << 200n);
}
