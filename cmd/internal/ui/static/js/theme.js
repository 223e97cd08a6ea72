// Runs before the first paint, so that a chosen theme does not flash.
'use strict';
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem('paylake.theme'); } catch { /* storage is switched off */ }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
