// What a person chose for this browser. Storage may be switched off or hold
// anything: then the default is taken.

export function kept(name, allowed, fallback) {
  let value = null;
  try { value = localStorage.getItem('paylake.' + name); } catch { /* switched off */ }
  return allowed.includes(value) ? value : fallback;
}

export function keep(name, value) {
  try { localStorage.setItem('paylake.' + name, value); } catch { /* it lasts until the page is closed */ }
}
