// The lake's commits: what each brought, whether all of it still holds, and the
// proof to take home.
import { get, post } from '../api.js';
import * as col from '../columns.js';
import { fill, h } from '../dom.js';
import { facts } from '../facts.js';
import { integer, moment } from '../format.js';
import { t } from '../i18n.js';
import { list } from '../list.js';
import { failure, section } from '../section.js';
import { table } from '../table.js';
import { to } from '../url.js';
import { zone } from '../zone.js';

export function snapshots({ signal, can, detail }) {
  if (detail) return manifest(detail, signal, can);
  return [
    can('audit') ? verification() : null,
    list(t('snapshots.list'), '/v1/snapshots', {}, [
      { title: t('col.snapshot'), number: true, sort: (r) => Number(r.sequence), cell: (r) => h('a', { href: to('snapshots', {}, String(r.sequence)) }, integer(r.sequence)) },
      col.time('created_at', t('col.created_at')), col.text('source', t('col.source')), col.text('table', t('col.table')), col.code('wallet_id', t('col.wallet')),
      col.time('window_from', t('col.window_from')), col.time('window_to', t('col.window_to')), col.count('rows', t('col.rows')), col.count('inserted', t('col.inserted')),
      col.count('retracted', t('col.retracted')), col.count('quarantined', t('col.quarantined')), col.worded('balance_chain', t('col.chain'), 'chain'), hash('sha256', 'SHA-256'),
    ], { signal, empty: t('snapshots.empty'), newest: true }),
  ];
}
snapshots.filters = [];

function hash(name, title) {
  return { title, code: true, cell: (r) => h('span', { title: r[name] ?? '' }, String(r[name] ?? '').slice(0, 12)) };
}

function verification() {
  const said = h('div', { role: 'status' });
  const button = h('button', {
    type: 'button', class: 'main', id: 'verify', onclick: async () => {
      button.disabled = true;
      fill(said, h('p', { class: 'loading' }, h('span', { class: 'spinner', 'aria-hidden': 'true' }), t('snapshots.verifying')));
      try {
        fill(said, verdict(await post('/v1/verify')));
      } catch (err) {
        fill(said, failure(err, null));
      } finally {
        button.disabled = false;
      }
    },
  }, t('snapshots.verify'));
  return h('section', { class: 'card', 'aria-label': t('snapshots.verify') },
    h('header', {}, h('h2', {}, t('snapshots.verification')), h('p', { class: 'note' }, t('snapshots.verify_note'))), h('div', { class: 'bar' }, button), said);
}

function verdict(report) {
  const holds = !report.error && !(report.findings ?? []).length;
  return [
    h('p', { class: holds ? 'verdict tag-good' : 'verdict tag-bad' }, t(holds ? 'snapshots.holds' : 'snapshots.broken')),
    facts(report),
    holds ? null : table(t('snapshots.faults'), [col.code('path', t('col.path')), col.long('detail', t('col.detail'))], report.findings ?? []),
  ];
}

function manifest(n, signal, can) {
  const load = () => get('/v1/snapshots/' + encodeURIComponent(n), {}, signal);
  const proof = can('audit') ? h('a', { class: 'button', href: '/v1/snapshots/' + encodeURIComponent(n) + '/proof', download: 'snapshot-' + n + '.tlog-proof' }, t('snapshots.proof')) : null;
  return [
    h('div', { class: 'bar' }, h('a', { class: 'back', href: to('snapshots') }, t('snapshots.back')), proof),
    section(t('snapshots.one', { n }), load, described),
  ];
}

function described(m) {
  const fact = (title, value) => (value ? [h('dt', {}, title), h('dd', {}, value)] : null);
  return [
    h('dl', { class: 'facts' }, fact(t('col.snapshot'), integer(m.sequence)), fact(t('col.created_at'), moment(m.created_at, zone())), fact(t('col.kind'), m.kind),
      fact(t('col.source'), m.source), fact(t('col.table'), m.table), fact('SHA-256', m.sha256 && h('span', { class: 'code' }, m.sha256)), fact(t('snapshots.previous'), m.prev_sha256 && h('span', { class: 'code' }, m.prev_sha256))),
    m.totals?.length ? part(t('snapshots.totals'), [
      col.text('provider_code', t('col.provider')), col.count('count', t('col.rows')), col.money('debit_minor', t('col.debit')), col.money('credit_minor', t('col.credit')),
    ], m.totals) : null,
    m.parts?.length ? part(t('snapshots.parts'), [
      col.code('wallet_id', t('col.wallet')), windowEnd('from', t('col.window_from')), windowEnd('to', t('col.window_to')), col.count('rows', t('col.rows')), col.count('inserted', t('col.inserted')),
      col.count('retracted', t('col.retracted')), col.count('duplicates', t('col.duplicates')),
    ], m.parts) : null,
    m.objects?.length ? part(t('snapshots.objects'), [
      col.code('path', t('col.path')), col.count('rows', t('col.rows')), col.count('bytes', t('col.bytes')), hash('sha256', 'SHA-256'),
    ], m.objects) : null,
  ];
}

function part(title, columns, rows) { return [h('h3', {}, title), table(title, columns, rows)]; }

function windowEnd(end, title) {
  return { title, cell: (r) => moment(r.window?.[end], zone()), sort: (r) => r.window?.[end] ?? '' };
}
