// Periods as days: the first, and the first after. Pure; today is an argument.

export const spans = ['7d', '30d', '90d', 'month', 'last_month', 'year', 'all', 'custom'];
export const usual = '90d';

const iso = (d) => d.toISOString().slice(0, 10);
const utc = (text) => new Date(text + 'T00:00:00Z');

export function shift(date, days) {
  const d = utc(date);
  d.setUTCDate(d.getUTCDate() + days);
  return iso(d);
}

// days gives {from, to} of a span; both are empty for all.
export function days(span, today) {
  const d = utc(today);
  const month = (n) => iso(new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + n, 1)));
  switch (span) {
    case '7d': return { from: shift(today, -6), to: shift(today, 1) };
    case '30d': return { from: shift(today, -29), to: shift(today, 1) };
    case '90d': return { from: shift(today, -89), to: shift(today, 1) };
    case 'month': return { from: month(0), to: month(1) };
    case 'last_month': return { from: month(-1), to: month(0) };
    case 'year': return { from: d.getUTCFullYear() + '-01-01', to: d.getUTCFullYear() + 1 + '-01-01' };
    default: return { from: '', to: '' };
  }
}

// chosen reads a period from an address; what is none is the usual one.
export function chosen(params, today) {
  const day = (name) => (/^\d{4}-\d{2}-\d{2}$/.test(params.get(name) ?? '') ? params.get(name) : '');
  const from = day('from');
  const to = day('to');
  if (from || to) return { span: 'custom', from, to };
  const span = spans.includes(params.get('span')) && params.get('span') !== 'custom' ? params.get('span') : usual;
  return { span, ...days(span, today) };
}
