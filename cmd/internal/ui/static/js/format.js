// Amounts and times as people read them. Amounts are strings of minor units and
// stay text from the API to the page: a float would lose units above 2^53.
// Separators are written here and not left to the browser, whose data for
// Azerbaijani may be absent, so that a page looks the same everywhere.
import { language } from './i18n.js';

const separators = { az: ['.', ','], ru: ['\u00a0', ','], en: [',', '.'] };
const minus = '\u2212';

let exponents = {};

export function setExponents(list) { exponents = list; }

// exponent is null for a currency that has no known fraction digits.
export function exponent(currency) { return exponents[currency] ?? null; }

export function grouped(digits, lang = language()) {
  const [group] = separators[lang] ?? separators.en;
  return digits.replace(/\B(?=(\d{3})+$)/g, group);
}

// integer formats a whole number given as a string, a number or a BigInt.
export function integer(value, lang = language()) {
  const m = /^(-?)(\d+)$/.exec(String(value ?? ''));
  if (!m) return value === null || value === undefined ? '' : String(value);
  return (m[1] ? minus : '') + grouped(m[2], lang);
}

// amount is the number alone. An amount whose currency is unknown is shown in
// minor units, which money() says.
export function amount(minor, currency, lang = language()) {
  const m = /^(-?)(\d+)$/.exec(String(minor ?? ''));
  if (!m) return minor === null || minor === undefined ? '' : String(minor);
  const digits = exponent(currency) ?? 0;
  const padded = m[2].padStart(digits + 1, '0');
  const whole = padded.slice(0, padded.length - digits);
  const rest = digits ? (separators[lang] ?? separators.en)[1] + padded.slice(-digits) : '';
  return (m[1] ? minus : '') + grouped(whole, lang) + rest;
}

export function money(minor, currency, lang = language()) {
  const text = amount(minor, currency, lang);
  if (text === '') return '';
  const unit = currency ? currency : '¤';
  return text + '\u00a0' + unit + (exponent(currency) === null ? '\u00a0×10⁻ⁿ' : '');
}

// percent is exact in tenths: part of whole, both whole numbers.
export function percent(part, whole, lang = language()) {
  const all = BigInt(whole);
  if (all === 0n) return '–';
  const tenths = (BigInt(part) * 2000n + all) / (2n * all);
  const [, point] = separators[lang] ?? separators.en;
  return grouped(String(tenths / 10n), lang) + point + String(tenths % 10n) + (lang === 'en' ? '%' : '\u00a0%');
}

export function add(a, b) { return String(BigInt(a) + BigInt(b)); }

export function day(value, lang = language()) {
  const m = /^(\d{4})-(\d{2})-(\d{2})/.exec(String(value ?? ''));
  if (!m) return String(value ?? '');
  return lang === 'en' ? `${m[1]}-${m[2]}-${m[3]}` : `${m[3]}.${m[2]}.${m[1]}`;
}

// moment is a time in the given zone, to the second.
export function moment(value, zone, lang = language()) {
  if (!value) return '';
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return String(value);
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit',
    hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  }).formatToParts(at).map((p) => [p.type, p.value]));
  return day(`${parts.year.padStart(4, '0')}-${parts.month}-${parts.day}`, lang) + ' ' + `${parts.hour}:${parts.minute}:${parts.second}`;
}

// span is a length of time in its two largest units.
export function span(seconds, unit) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return s + '\u00a0' + unit.s;
  if (s < 3600) return Math.floor(s / 60) + '\u00a0' + unit.m + ' ' + (s % 60) + '\u00a0' + unit.s;
  if (s < 86400) return Math.floor(s / 3600) + '\u00a0' + unit.h + ' ' + Math.floor((s % 3600) / 60) + '\u00a0' + unit.m;
  return Math.floor(s / 86400) + '\u00a0' + unit.d + ' ' + Math.floor((s % 86400) / 3600) + '\u00a0' + unit.h;
}
