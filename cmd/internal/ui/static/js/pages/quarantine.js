// Rows that could not be taken in: why, how much money they hold, and trying them again.
import { get, post } from '../api.js';
import * as col from '../columns.js';
import { fill, h } from '../dom.js';
import { picked } from '../filters.js';
import { integer } from '../format.js';
import { t, word } from '../i18n.js';
import { list } from '../list.js';
import { failure, section } from '../section.js';
import { table } from '../table.js';

export function quarantine({ now, signal, can }) {
  const waiting = section(t('quarantine.waiting'), () => get('/v1/status', {}, signal), money, { empty: t('quarantine.none') });
  const rows = () => list(t('quarantine.rows'), '/v1/quarantine', picked(now, quarantine.filters), [
    col.time('first_seen', t('col.first_seen')), { title: t('col.reason'), cell: (r) => word('reason', r.reason), sort: (r) => r.reason },
    col.code('field', t('col.field')), col.money('amount_minor', t('col.amount')), col.text('source', t('col.source')), col.text('table', t('col.table')),
    col.code('wallet_id', t('col.wallet')), col.code('row_id', t('col.row')), col.time('resolved_at', t('col.resolved_at')), col.code('id', t('col.id')), col.count('snapshot', t('col.snapshot')),
  ], { signal, empty: t('quarantine.none'), newest: true });
  const place = h('div', { class: 'page' }, rows());
  return [waiting, can('operate') ? redrive(() => { waiting.reload(); fill(place, rows()); }) : null, place];
}
quarantine.filters = ['wallet_id', 'currency', 'snapshot'];

// money counts from the lake what the list below shows row by row.
function money(s) {
  const rows = s.pipelines.flatMap((p) => (p.quarantine?.totals ?? []).map((q) => ({ ...q, pipeline: p.pipeline, source: p.source, table: p.table })));
  if (!rows.length) return null;
  return table(t('quarantine.waiting'), [
    col.text('pipeline', t('col.pipeline')), col.text('source', t('col.source')), col.text('table', t('col.table')), col.count('rows', t('col.rows')),
    { ...col.money('amount_minor', t('col.amount')), cell: (r) => (r.currency ? col.amountOf(r.amount_minor, r.currency) : t('quarantine.unreadable')) },
  ], rows);
}

function redrive(done) {
  const said = h('div', { role: 'status' });
  const button = h('button', {
    type: 'button', class: 'main', id: 'redrive', onclick: async () => {
      button.disabled = true;
      fill(said, t('quarantine.redriving'));
      try {
        const answer = await post('/v1/quarantine/redrive');
        fill(said, h('p', {}, t('quarantine.redriven', { n: integer(answer?.queued ?? 0) })));
        done();
      } catch (err) {
        fill(said, failure(err, null));
      } finally {
        button.disabled = false;
      }
    },
  }, t('quarantine.redrive'));
  return h('section', { class: 'card', 'aria-label': t('quarantine.redrive') }, h('header', {}, h('p', { class: 'note' }, t('quarantine.redrive_note'))), h('div', { class: 'bar' }, button), said);
}
