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
  const bar = h('div', { class: 'filter-place' });
  const body = h('div', { class: 'page' }, loading());
  fill(main, h('div', { class: 'title' }, heading, h('p', { class: 'zone' }, t('zone.said', { zone: zone() }))), bar, body);
  if (focus) heading.focus();
  if (page.draw.filters?.length && !detail) pickers(bar, now, page.draw.filters, held, here.signal); // what they offer is asked for meanwhile
  try {
    const drawn = await page.draw(asked);
    if (!here.signal.aborted) append(fill(body), [drawn]);
  } catch (err) {
    if (err.name !== 'AbortError') fill(body, failure(err, null));
  }
}

// pickers come when it is known what they offer; who had the focus gets it back.
async function pickers(place, now, names, held, signal) {
  const form = await filters(now, names);
  if (signal.aborted) return;
  fill(place, form);
  const lost = document.activeElement === document.body || document.activeElement === null;
  if (held && lost) document.getElementById(held)?.focus();
}
