// The pages, in the order of the menu, and the scopes that each needs: one of
// them is enough.
import { approvals } from './pages/approvals.js';
import { catalogue } from './pages/catalogue.js';
import { pipelines } from './pages/pipelines.js';
import { platform } from './pages/platform.js';
import { quarantine } from './pages/quarantine.js';
import { reconciliation } from './pages/reconciliation.js';
import { rows } from './pages/rows.js';
import { snapshots } from './pages/snapshots.js';
import { spend } from './pages/spend.js';
import { wallets } from './pages/wallets.js';

const read = ['read'];

const pages = [
  { name: 'spend', scopes: read, draw: spend },
  { name: 'wallets', scopes: read, draw: wallets },
  { name: 'platform', scopes: read, draw: platform },
  { name: 'catalogue', scopes: read, draw: catalogue },
  { name: 'pipelines', scopes: read, draw: pipelines },
  { name: 'quarantine', scopes: read, draw: quarantine },
  { name: 'reconciliation', scopes: read, draw: reconciliation },
  { name: 'snapshots', scopes: read, draw: snapshots },
  { name: 'approvals', scopes: ['pay', 'approve', 'audit'], draw: approvals },
  { name: 'rows', scopes: read, draw: rows, within: 'spend' },
];

export function offered(scopes) {
  return pages.filter((p) => p.scopes.some((s) => scopes.includes(s)));
}

export function start(list) { return list[0].name; }
