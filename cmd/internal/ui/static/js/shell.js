// The frame around every page: the menu, what is chosen, who is signed in.
import { signOut } from './api.js';
import { redrawAll } from './chart.js';
import { h, select } from './dom.js';
import { choose, language, languages, t, word } from './i18n.js';
import { voice } from './live.js';
import { offered } from './pages.js';
import { keep, kept } from './store.js';
import { to } from './url.js';
import { setZone, zone, zones } from './zone.js';

export function shell(me, { again, redraw, leave }) {
  const main = h('main', { id: 'main', tabindex: '-1' });
  const links = offered(me.scopes).filter((p) => !p.within).map((p) => [p.name, h('a', { href: to(p.name) }, word('page', p.name))]);
  const menu = h('nav', { id: 'menu', 'aria-label': t('shell.menu') }, h('ul', {}, links.map(([, a]) => h('li', {}, a))));
  const opener = h('button', {
    type: 'button', class: 'opener', 'aria-expanded': 'false', 'aria-controls': 'menu',
    onclick: () => { opener.setAttribute('aria-expanded', String(menu.classList.toggle('open'))); },
  }, t('shell.menu'));
  const el = h('div', { class: 'shell' },
    h('a', { class: 'skip', href: '#main', onclick: (e) => { e.preventDefault(); main.focus(); } }, t('shell.skip')),
    h('header', { class: 'top' }, brand(), opener, settings(again, redraw), account(me, leave)),
    menu, main, voice());
  const mark = (page) => {
    menu.classList.remove('open');
    opener.setAttribute('aria-expanded', 'false');
    const at = page === 'rows' ? 'spend' : page;
    for (const [name, a] of links) {
      a.href = to(name); // the pickers come along
      if (name === at) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
    }
  };
  return { el, main, mark };
}

export function brand() {
  return h('p', { class: 'brand' }, h('img', { src: new URL('../icon.svg', import.meta.url).pathname, alt: '', width: '24', height: '24' }), 'paylake');
}

export function themes(again) {
  return select('theme', t('shell.theme'), ['auto', 'light', 'dark'].map((v) => [v, word('theme', v)]), kept('theme', ['light', 'dark'], 'auto'), (v) => {
    keep('theme', v);
    if (v === 'auto') delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = v;
    again();
  });
}

export function tongues(again) {
  return select('language', t('shell.language'), languages, language(), async (v) => {
    await choose(v);
    again();
    document.getElementById('language')?.focus();
  });
}

function settings(again, redraw) {
  return h('div', { class: 'settings' },
    select('zone', t('shell.zone'), zones.map((z) => [z, z]), zone(), (z) => { setZone(z); redraw(); }),
    tongues(again), themes(redrawAll));
}

function account(me, leave) {
  const out = async () => {
    try { await signOut(); } finally { leave(); }
  };
  return h('div', { class: 'account' }, h('span', { class: 'who', title: me.scopes.join(', ') }, me.name),
    h('button', { type: 'button', id: 'sign-out', onclick: out }, t('shell.sign_out')));
}
