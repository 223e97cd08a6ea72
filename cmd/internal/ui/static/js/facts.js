// An answer that is an object, as a list of terms: numbers, words and one level
// of lists. The terms are the API's own names.
import { integer } from './format.js';
import { h } from './dom.js';

export function facts(answer) {
  const simple = Object.entries(answer ?? {}).filter(([name, v]) => v !== null && v !== '' && typeof v !== 'object' && name !== '$schema');
  if (!simple.length) return null;
  return h('dl', { class: 'facts' }, simple.map(([name, v]) => [h('dt', { class: 'code' }, name), h('dd', { class: 'code' }, typeof v === 'number' ? integer(v) : String(v))]));
}
