// One polite voice for the whole page.
import { h } from './dom.js';

const region = h('div', { class: 'hidden', role: 'status', 'aria-live': 'polite' });

export function voice() { return region; }

export function say(text) { region.textContent = text; }
