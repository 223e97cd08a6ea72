// Signing in with an API key, which the page forgets as soon as it is sent.
import { signIn } from './api.js';
import { fill, h } from './dom.js';
import { t } from './i18n.js';
import { saidOf } from './section.js';
import { brand, themes, tongues } from './shell.js';

export function login(entered, again) {
  const key = h('input', {
    id: 'key', name: 'key', type: 'password', required: true, autocomplete: 'current-password', spellcheck: 'false',
    'aria-describedby': 'key-hint key-said', placeholder: 'plk_…',
  });
  const said = h('div', { id: 'key-said', class: 'said', role: 'alert' });
  const button = h('button', { type: 'submit', class: 'main' }, t('login.enter'));
  const submit = async (e) => {
    e.preventDefault();
    button.disabled = true;
    fill(said);
    try {
      const who = await signIn(key.value.trim());
      key.value = '';
      entered(who);
    } catch (err) {
      const [title, detail] = err.status === 401 ? [t('login.refused'), t('login.refused_detail')] : saidOf(err);
      fill(said, h('strong', {}, title), ' ', detail);
      key.setAttribute('aria-invalid', 'true');
      key.focus();
    } finally {
      button.disabled = false;
    }
  };
  return h('main', { class: 'alone', id: 'main' }, h('div', { class: 'card login' }, brand(), h('h1', {}, t('login.title')),
    h('form', { onsubmit: submit, method: 'post', action: '/session' },
      h('div', { class: 'field' }, h('label', { for: 'key' }, t('login.key')), key, h('p', { id: 'key-hint', class: 'note' }, t('login.hint'))),
      said, button),
    h('div', { class: 'settings' }, tongues(again), themes(() => {}))));
}
