// How fresh everything is, what runs now, what ran.
import { get } from '../api.js';
import * as col from '../columns.js';
import { h } from '../dom.js';
import { integer, moment, span } from '../format.js';
import { t, word } from '../i18n.js';
import { list } from '../list.js';
import { section } from '../section.js';
import { table } from '../table.js';
import { zone } from '../zone.js';

const every = 3000; // milliseconds between looks at what runs

export function pipelines({ signal }) {
  let asked = null;
  const status = () => (asked ??= get('/v1/status', {}, signal).finally(() => { asked = null; }));
  const order = {};
  const parts = [
    section(t('pipelines.running'), status, running, { empty: t('pipelines.nothing_runs') }),
    section(t('pipelines.freshness'), status, (s) => freshness(s, order), { empty: t('pipelines.empty') }),
    section(t('pipelines.followers'), status, followers, { empty: t('pipelines.no_followers') }),
  ];
  watch(parts, signal);
  return [...parts, history(signal)];
}
pipelines.filters = [];

// watch looks again and again, but never under somebody's fingers.
function watch(parts, signal) {
  const timer = setInterval(() => {
    if (document.hidden) return;
    for (const part of parts) if (!part.contains(document.activeElement)) part.reload();
  }, every);
  signal.addEventListener('abort', () => clearInterval(timer));
}

const unit = () => ({ s: t('unit.s'), m: t('unit.m'), h: t('unit.h'), d: t('unit.d') });
const since = (at) => span((Date.now() - new Date(at)) / 1000, unit());
const took = (r) => span((new Date(r.finished_at) - new Date(r.started_at)) / 1000, unit());

function running(s) {
  const now = s.running ?? [];
  if (!now.length) return null;
  return h('ul', { class: 'running' }, now.map((r) => h('li', {},
    h('span', { class: 'spinner', 'aria-hidden': 'true' }), h('strong', {}, r.pipeline), ' ',
    t('pipelines.progress', { rows: integer(r.rows ?? 0), since: since(r.started_at) }))));
}

function freshness(s, order) {
  if (!s.pipelines?.length) return null;
  const last = (r) => r.last_run;
  return table(t('pipelines.freshness'), [
    col.text('pipeline', t('col.pipeline')), col.text('source', t('col.source')), col.text('table', t('col.table')),
    col.time('complete_through', t('col.complete_through')),
    { title: t('col.age'), number: true, cell: (r) => (r.complete_through ? since(r.complete_through) : '–'), sort: (r) => -(Date.parse(r.complete_through) || 0) },
    col.count('windows_owed', t('col.owed')), col.count('rows', t('col.rows')),
    { title: t('col.last_run'), cell: (r) => (last(r) ? moment(last(r).finished_at, zone()) : '–'), sort: (r) => last(r)?.finished_at ?? '' },
    { title: t('col.outcome'), cell: (r) => (last(r) ? outcome(last(r).code) : '–'), sort: (r) => String(last(r)?.code ?? '') },
    { title: t('col.rows_read'), number: true, cell: (r) => (last(r) ? integer(last(r).rows_read) : '–'), sort: (r) => Number(last(r)?.rows_read ?? -1) },
    { title: t('col.took'), number: true, cell: (r) => (last(r) ? took(last(r)) : '–'), sort: (r) => (last(r) ? new Date(last(r).finished_at) - new Date(last(r).started_at) : -1) },
    { title: t('col.next_at'), cell: (r) => (r.next_at ? moment(r.next_at, zone()) : t('pipelines.by_hand')), sort: (r) => r.next_at ?? '' },
    col.count('open_chains', t('col.open_chains')),
  ], s.pipelines, order);
}

function outcome(code) {
  return h('span', { class: 'tag tag-' + (code === 0 ? 'good' : code === 1 ? 'bad' : 'soft') }, word('exit', code));
}

function followers(s) {
  if (!s.followers?.length) return null;
  return table(t('pipelines.followers'), [
    col.text('name', t('col.follower')), col.count('applied', t('col.applied')), col.count('lag', t('col.lag')),
    col.count('visible_twice', t('col.twice')), col.count('unknown_provider_codes', t('col.unknown_codes')), col.long('error', t('col.error')),
  ], s.followers);
}

function history(signal) {
  return list(t('pipelines.history'), '/v1/runs', {}, [
    col.time('started_at', t('col.started_at')), col.text('pipeline', t('col.pipeline')), col.worded('outcome', t('col.outcome'), 'outcome'),
    { title: t('col.took'), number: true, cell: took, sort: (r) => new Date(r.finished_at) - new Date(r.started_at) },
    col.count('windows', t('col.windows')), col.count('rows', t('col.rows')), col.count('inserted', t('col.inserted')), col.count('retracted', t('col.retracted')),
    col.count('duplicates', t('col.duplicates')), col.count('quarantined', t('col.quarantined')), col.count('bytes', t('col.bytes')),
    col.count('snapshot', t('col.snapshot')), col.long('error', t('col.error')),
  ], { signal, empty: t('pipelines.no_runs'), newest: true });
}
