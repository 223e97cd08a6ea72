// Whether upstreams, lake and warehouse agree, and what looks wrong.
import * as col from '../columns.js';
import { picked } from '../filters.js';
import { t } from '../i18n.js';
import { list } from '../list.js';

export function reconciliation({ now, signal }) {
  const asked = picked(now, reconciliation.filters);
  const at = { ...asked, from: '', to: '' };
  return [
    list(t('reconciliation.totals'), '/v1/reconciliation', at, [
      col.text('period', t('col.period')), col.worded('level', t('col.level'), 'level'), col.code('subject', t('col.subject')), col.code('wallet_id', t('col.wallet')),
      col.text('measure', t('col.measure')), measured('expected_minor', t('col.expected')), measured('lake_minor', t('col.lake')), measured('warehouse_minor', t('col.warehouse')),
      measured('difference_minor', t('col.difference')), col.worded('state', t('col.state'), 'state'), col.text('decided_by', t('col.decided_by')), col.text('reason', t('col.reason')),
    ], { signal, empty: t('reconciliation.empty'), note: t('reconciliation.totals_note') }),
    list(t('reconciliation.findings'), '/v1/findings', asked, [
      col.date('business_date', t('col.day')), col.worded('kind', t('col.kind'), 'finding'), col.worded('severity', t('col.severity'), 'severity'), col.money('amount_minor', t('col.amount')),
      col.code('wallet_id', t('col.wallet')), col.text('provider_code', t('col.provider')), col.long('evidence', t('col.evidence')), col.worded('state', t('col.state'), 'state'),
      col.text('decided_by', t('col.decided_by')), col.code('finding_id', t('col.id')),
    ], { signal, empty: t('reconciliation.no_findings'), newest: true }),
    list(t('reconciliation.alarms'), '/v1/alarms', asked, [
      col.text('check_name', t('col.check')), col.worded('severity', t('col.severity'), 'severity'), col.text('source', t('col.source')), col.text('table', t('col.table')),
      col.code('row_id', t('col.row')), col.code('field', t('col.field')), col.text('observed', t('col.observed')), col.text('expected', t('col.expected')),
      col.money('amount_minor', t('col.amount')), col.long('detail', t('col.detail')),
    ], { signal, empty: t('reconciliation.no_alarms'), newest: true }),
  ];
}
reconciliation.filters = ['period', 'wallet_id', 'currency', 'snapshot'];

// Counts of rows stand in the same columns as money, without a currency.
function measured(name, title) {
  return { ...col.money(name, title), cell: (r) => (r.currency ? col.amountOf(r[name], r.currency) : col.count(name).cell(r)) };
}
