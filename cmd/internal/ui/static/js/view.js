// Draws one page. What the page before still waits for is given up.
import { append, fill, h } from './dom.js';
import { filters, today } from './filters.js';
import { t, word } from './i18n.js';
import { failure, loading } from './section.js';
import { parse } from './url.js';
import { zone } from './zone.js';

let current = null;

// aborted tells a page that it is no longer shown.
export async function show(main, page, me, { focus }) {
  current?.abort();
  const here = current = new AbortController();
  const held = document.activeElement?.id;
  const title = page ? word('page', page.name) : t('error.404');
  document.title = title + ' · paylake';
  const heading = h('h1', { tabindex: '-1' }, title);
  if (!page) {
    fill(main, heading, h('p', { class: 'empty' }, t('error.no_page')));
    return;
  }
  const { detail, params } = parse();
  const now = today(zone());
  const asked = { signal: here.signal, now, me, detail, params, can: (scope) => me.scopes.includes(scope) };
  const bar = page.draw.filters?.length && !detail ? await filters(now, page.draw.filters) : null;
  if (here.signal.aborted) return;
  const body = h('div', { class: 'page' }, loading());
  fill(main, h('div', { class: 'title' }, heading, h('p', { class: 'zone' }, t('zone.said', { zone: zone() }))), bar, body);
  if (focus) heading.focus();
  else if (held) document.getElementById(held)?.focus();
  try {
    append(fill(body), [await page.draw(asked)]);
  } catch (err) {
    if (err.name !== 'AbortError') fill(body, failure(err, null));
  }
}
