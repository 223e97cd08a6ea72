// A list of the API: its first page, and more when somebody asks for more.
import { get } from './api.js';
import { fill, h } from './dom.js';
import { integer } from './format.js';
import { t } from './i18n.js';
import { failure, section } from './section.js';
import { table } from './table.js';

export function list(title, path, params, columns, { signal, empty, note, above, order, keepRow } = {}) {
  const load = () => get(path, { limit: 100, ...params }, signal);
  const draw = (answer) => {
    const rows = [];
    const frame = h('div', {});
    const take = (page) => {
      rows.push(...(keepRow ? page.data.filter(keepRow) : page.data));
      fill(frame, above ? above(rows) : null, table(title, columns, rows, order), foot(rows, page, more));
    };
    const more = async (cursor, button) => {
      button.disabled = true;
      try {
        take(await get(path, { limit: 100, ...params, cursor }, signal));
      } catch (err) {
        if (err.name !== 'AbortError') button.replaceWith(failure(err, null));
      }
    };
    take(answer);
    return rows.length || answer.next_cursor ? frame : null;
  };
  return section(title, load, draw, { empty, note });
}

function foot(rows, page, more) {
  const cursor = page.next_cursor;
  return h('footer', { class: 'foot' },
    h('span', {}, t(cursor ? 'table.rows_more' : 'table.rows', { n: integer(rows.length) })),
    page.snapshot ? h('span', {}, t('table.snapshot', { n: integer(page.snapshot) })) : null,
    cursor ? h('button', { type: 'button', onclick: (e) => more(cursor, e.target) }, t('table.more')) : null);
}
