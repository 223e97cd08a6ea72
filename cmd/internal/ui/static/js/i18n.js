// Words in the chosen language. A dictionary is complete or the tests fail, so
// there is no second language to fall back to.
import { keep, kept } from './store.js';

export const languages = [['az', 'Azərbaycanca'], ['ru', 'Русский'], ['en', 'English']];
const codes = languages.map(([code]) => code);

let words = {};
let current = 'en';

export function language() { return current; }

export function preferred(wanted = navigator.languages ?? []) {
  const first = wanted.map((l) => l.slice(0, 2).toLowerCase()).find((l) => codes.includes(l));
  return kept('language', codes, first ?? 'en');
}

export async function speak(code) {
  const answer = await fetch(new URL('../lang/' + code + '.json', import.meta.url));
  if (!answer.ok) throw new Error('dictionary ' + code + ': ' + answer.status);
  words = await answer.json();
  current = code;
  document.documentElement.lang = code;
}

export async function choose(code) {
  keep('language', code);
  await speak(code);
}

// t is the text of a key; {name} in it stands for values.name.
export function t(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// word is the text for one of a family of values (states, types). What the
// dictionary does not know is shown as it came: upstreams invent values.
export function word(family, value) {
  if (value === null || value === undefined || value === '') return '';
  return words[family + '.' + value] ?? String(value);
}
