import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as f from './js/format.js';
import * as p from './js/period.js';

f.setExponents(JSON.parse(readFileSync('currencies.json', 'utf8')));
const n = '\u00a0';

// Beyond 2^53 a float would lose units.
assert.equal(f.money('9223372036854775807', 'AZN', 'en'), '92,233,720,368,547,758.07' + n + 'AZN');
assert.equal(f.money('-9223372036854775808', 'AZN', 'ru'), `\u221292${n}233${n}720${n}368${n}547${n}758,08${n}AZN`);
assert.equal(f.money('9007199254740993', 'KGS', 'az'), '90.071.992.547.409,93' + n + 'KGS');
assert.equal(f.money('170141183460469231731687303715884105727', 'JPY', 'en'), '170,141,183,460,469,231,731,687,303,715,884,105,727' + n + 'JPY');
// The exponent is the currency's.
assert.equal(f.money('1234', 'JPY', 'en'), '1,234' + n + 'JPY');
assert.equal(f.money('1234', 'KWD', 'en'), '1.234' + n + 'KWD');
assert.equal(f.money('12345678', 'CLF', 'az'), '1.234,5678' + n + 'CLF');
assert.equal(f.money('7', 'AZN', 'en'), '0.07' + n + 'AZN');
assert.equal(f.money('-7', 'AZN', 'az'), '\u22120,07' + n + 'AZN');
assert.equal(f.money('0', 'AZN', 'ru'), '0,00' + n + 'AZN');
assert.equal(f.money(100, 'AZN', 'en'), '1.00' + n + 'AZN');
// What is none is not made one.
assert.equal(f.money(null, 'AZN', 'en'), '');
assert.equal(f.money('', 'AZN', 'en'), '');
assert.equal(f.amount('12.5', 'AZN', 'en'), '12.5');
assert.match(f.money('1234', 'XXX', 'en'), /^1,234.XXX.×10/);
assert.equal(f.integer('9007199254740993', 'en'), '9,007,199,254,740,993');
assert.equal(f.integer(-1234, 'az'), '\u22121.234');
assert.equal(f.integer(null, 'en'), '');
assert.equal(f.percent('2', '3', 'en'), '66.7%');
assert.equal(f.percent('9007199254740993', '9007199254740993', 'ru'), '100,0' + n + '%');
assert.equal(f.percent('0', '0', 'en'), '–');
assert.equal(f.add('9007199254740993', '-1'), '9007199254740992');

// Times in their zone, days as they are.
assert.equal(f.moment('2026-03-31T20:30:00.123456Z', 'UTC', 'en'), '2026-03-31 20:30:00');
assert.equal(f.moment('2026-03-31T20:30:00.123456Z', 'Asia/Baku', 'az'), '01.04.2026 00:30:00');
assert.equal(f.moment('', 'UTC', 'en'), '');
assert.equal(f.moment('soon', 'UTC', 'en'), 'soon');
assert.equal(f.day('2026-03-01', 'ru'), '01.03.2026');
assert.equal(f.span(90061, { s: 's', m: 'min', h: 'h', d: 'd' }), `1${n}d 1${n}h`);

// Periods end on the first day after.
assert.deepEqual(p.days('7d', '2026-03-01'), { from: '2026-02-23', to: '2026-03-02' });
assert.deepEqual(p.days('last_month', '2026-01-15'), { from: '2025-12-01', to: '2026-01-01' });
assert.deepEqual(p.days('month', '2024-02-29'), { from: '2024-02-01', to: '2024-03-01' });
assert.equal(p.shift('2024-02-28', 2), '2024-03-01');
assert.deepEqual(p.chosen(new URLSearchParams('from=2026-01-01&to=2026-02-01'), '2026-03-01'), { span: 'custom', from: '2026-01-01', to: '2026-02-01' });
assert.equal(p.chosen(new URLSearchParams('from=<script>&span=nonsense'), '2026-03-01').span, p.usual);

console.log('formats hold');
