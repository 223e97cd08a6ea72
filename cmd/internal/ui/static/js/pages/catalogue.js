// The providers as they are, and what has changed about them.
import * as col from '../columns.js';
import { picked } from '../filters.js';
import { language, t, word } from '../i18n.js';
import { list } from '../list.js';

export function catalogue({ now, signal }) {
  const at = picked(now, catalogue.filters);
  return [
    list(t('catalogue.providers'), '/v1/providers', at, [
      named(), col.code('provider_code', t('col.code')), category(), col.worded('status', t('col.status'), 'status'),
      col.code('service_code', t('col.service')), col.time('updated_at', t('col.updated_at')), col.text('source', t('col.source')),
    ], { signal, empty: t('catalogue.empty'), order: { at: 0 } }),
    list(t('catalogue.changes'), '/v1/providers-history', at, [
      col.time('valid_from', t('col.valid_from')), { ...col.time('valid_to', t('col.valid_to')), cell: (r) => until(r) },
      named(), col.code('provider_code', t('col.code')), category(), col.worded('status', t('col.status'), 'status'), col.code('service_code', t('col.service')),
    ], { signal, empty: t('catalogue.no_changes'), order: { at: 0, down: true } }),
    list(t('catalogue.unknown'), '/v1/unknown-providers', at, [
      col.code('foreign_code', t('col.foreign_code')), col.text('source', t('col.source')), col.text('table', t('col.table')), col.count('rows', t('col.rows')),
      col.money('amount_minor', t('col.amount')), col.text('suggestion', t('col.suggestion')), col.date('last_date', t('col.last_date')),
    ], { signal, empty: t('catalogue.no_unknown'), note: t('catalogue.unknown_note') }),
  ];
}
catalogue.filters = ['snapshot'];

const named = () => {
  const name = (r) => r['name_' + language()] || r.provider_name || r.name_en || r.provider_code;
  return { title: t('col.provider'), cell: name, sort: name };
};

const category = () => ({ title: t('col.category'), cell: (r) => word('category', r.category), sort: (r) => r.category ?? '' });

function until(r) {
  const open = !r.valid_to || r.valid_to.startsWith('2299') || r.valid_to.startsWith('9999');
  return open ? t('catalogue.current') : col.time('valid_to').cell(r);
}
