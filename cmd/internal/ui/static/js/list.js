// A list of the API: its first page, and more when somebody asks for more.
import { get } from './api.js';
import { fill, h } from './dom.js';
import { integer } from './format.js';
import { t } from './i18n.js';
import { failure, section } from './section.js';
import { table } from './table.js';

export function list(title, path, params, columns, { signal, empty, note, order, newest } = {}) {
  const asked = { limit: 100, ...params, ...(newest ? { order: 'desc' } : {}) };
  const load = () => get(path, asked, signal);
  const draw = (answer) => {
    const rows = [];
    const frame = h('div', {});
    const take = (page) => {
      rows.push(...page.data);
      fill(frame, table(title, columns, rows, order), foot(rows, page, more));
    };
    const more = async (cursor, button) => {
      button.disabled = true;
      try {
        take(await get(path, { ...asked, cursor }, signal));
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
