// Payments that wait for a second person.
import { get, post, Problem } from '../api.js';
import * as col from '../columns.js';
import { fill, h } from '../dom.js';
import { t } from '../i18n.js';
import { say } from '../live.js';
import { saidOf, section } from '../section.js';
import { approval, approver, signed } from '../sign.js';
import { table } from '../table.js';

export function approvals({ signal, can }) {
  let parts = [];
  const again = () => parts.forEach((p) => p.reload());
  const all = () => get('/v1/intents', { limit: 1000 }, signal);
  const waits = (i) => i.status === 'draft';
  parts = [
    section(t('approvals.waiting'), all, (a) => shown(t('approvals.waiting'), a.data.filter(waits), can('approve') ? again : null), { empty: t('approvals.none'), note: can('approve') ? t('approvals.note') : t('approvals.look') }),
    section(t('approvals.others'), all, (a) => shown(t('approvals.others'), a.data.filter((i) => !waits(i)), null), { empty: t('approvals.no_others') }),
  ];
  return parts;
}
approvals.filters = [];

function shown(title, rows, again) {
  if (!rows.length) return null;
  return table(title, [
    col.code('payment_id', t('col.payment')), col.text('provider_code', t('col.provider')), col.money('amount_minor', t('col.amount')), col.text('key', t('col.purpose')),
    col.code('account_masked', t('col.account')), col.text('maker', t('col.maker')),
    ...(again ? [{ title: t('col.decision'), cell: (r) => decide(r, again) }]
      : [col.text('checker', t('col.checker')), col.worded('status', t('col.status'), 'intent'), col.long('reason', t('col.reason'))]),
  ], rows);
}

function decide(intent, again) {
  const text = t('approvals.approve');
  const button = () => h('button', { type: 'button', class: 'main', 'aria-label': text + ' ' + intent.payment_id, onclick: () => confirm(intent, text, again) }, text);
  return button();
}

async function signature(intent, file) {
  if (!globalThis.crypto?.subtle) throw new Error(t('approvals.insecure'));
  const who = approver(await file.text());
  if (!who) return null;
  const { batch, text } = await approval(intent);
  return { by: who.name, batch, note: await signed(text, who) };
}

// confirm asks once more, with the amount as in the table, for the approver's key.
// A payment that nobody approves is never sent; who planned it withdraws it.
function confirm(intent, text, again) {
  const said = h('div', { class: 'said', role: 'alert' });
  const asked = h('input', { id: 'signing-key', type: 'file', required: true, 'aria-describedby': 'signing-hint' });
  const go = h('button', { type: 'submit', class: 'main' }, text);
  const send = async (e) => {
    e.preventDefault();
    go.disabled = true;
    try {
      const body = await signature(intent, asked.files[0]);
      if (!body) throw new Error(t('approvals.no_key'));
      await post('/v1/intents/' + encodeURIComponent(intent.payment_id) + '/approve', body);
      box.close();
      say(t('approvals.approved', { id: intent.payment_id }));
      again();
    } catch (err) {
      go.disabled = false;
      fill(said, err instanceof Problem ? saidOf(err).join(' ') : err.message);
    }
  };
  const box = h('dialog', { 'aria-labelledby': 'confirm-title', onclose: () => box.remove() }, h('form', { onsubmit: send },
    h('h2', { id: 'confirm-title' }, t('approvals.confirm_approve')),
    h('p', {}, col.amountOf(intent.amount_minor, intent.currency), ' → ', intent.provider_code, ' · ', h('span', { class: 'code' }, intent.payment_id)),
    h('div', { class: 'field' }, h('label', { for: asked.id }, t('approvals.key')), asked,
      h('p', { id: 'signing-hint', class: 'note' }, t('approvals.key_hint'))), said,
    h('div', { class: 'bar' }, go, h('button', { type: 'button', onclick: () => box.close() }, t('approvals.cancel')))));
  document.body.append(box);
  box.showModal();
}
