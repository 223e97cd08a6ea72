// The zone in which times are shown; the page says which one it is.
import { keep, kept } from './store.js';

export const own = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
export const zones = [...new Set(['UTC', own, 'Asia/Baku'])];

let current = kept('zone', zones, 'UTC');

export function zone() { return current; }

export function setZone(name) {
  current = name;
  keep('zone', name);
}
