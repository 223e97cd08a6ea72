// A part of a page that asks for something: it is loading, failed, empty or
// there, and says each of them to the eye and to a screen reader.
import { Problem } from './api.js';
import { fill, h } from './dom.js';
import { t } from './i18n.js';
import { say } from './live.js';

// section shows what draw(answer) gives for load(). draw gives null for empty.
export function section(title, load, draw, { empty, note, quiet } = {}) {
  const body = h('div', { class: 'body' });
  const el = h('section', { class: 'card', 'aria-label': title },
    h('header', {}, h('h2', {}, title), note ? h('p', { class: 'note' }, note) : null), body);
  const run = async (again) => {
    if (!again) fill(body, loading());
    el.setAttribute('aria-busy', 'true');
    try {
      const shown = draw(await load());
      fill(body, shown ?? h('p', { class: 'empty' }, empty ?? t('state.empty')));
      if (!quiet && !again) say(t('state.loaded', { what: title }));
    } catch (err) {
      if (err.name === 'AbortError') return;
      fill(body, failure(err, () => run()));
    } finally {
      el.removeAttribute('aria-busy');
    }
  };
  el.ready = run();
  el.reload = () => run(true);
  return el;
}

// shared is one question whose answer several sections draw. What failed is
// asked again.
export function shared(load) {
  let asked = null;
  return () => (asked ??= load().catch((err) => { asked = null; throw err; }));
}

export function loading() {
  return h('p', { class: 'loading' }, h('span', { class: 'spinner', 'aria-hidden': 'true' }), t('state.loading'));
}

// failure says what the server said and what can be done.
export function failure(err, again) {
  if (!(err instanceof Problem)) console.error(err); // a fault of the page itself
  const [title, detail] = saidOf(err);
  return h('div', { class: 'failure', role: 'alert' },
    h('strong', {}, title), detail ? h('p', {}, detail) : null,
    again ? h('button', { type: 'button', onclick: again }, t('state.again')) : null);
}

export function saidOf(err) {
  if (!(err instanceof Problem)) return [t('error.unexpected'), String(err.message ?? err)];
  if (err.status === 0) return [t('error.offline'), t('error.offline_detail')];
  const hint = { 403: t('error.403'), 404: t('error.404'), 422: t('error.422'), 429: t('error.429') }[err.status];
  return [hint ?? err.title ?? t('error.unexpected'), hint || err.detail ? [err.status + ' ' + err.title, err.detail].filter(Boolean).join(': ') : ''];
}
