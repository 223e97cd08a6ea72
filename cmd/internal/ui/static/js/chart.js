// Charts. A picture cannot be exact and need not be: the positions are floats,
// the words under it and the table beside it are the exact amounts.
import { amount, day, exponent } from './format.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { table } from './table.js';

const drawn = new Set();

// chart draws series over days. points: [{day, values: [minor|null, …]}]; bars is
// how many days one bar stands for, 0 for lines.
export function chart(title, points, series, { unit = '', bars = 0, columns, rows, percent = false } = {}) {
  const place = h('div', { class: 'plot', 'aria-hidden': 'true' });
  const figure = h('figure', { class: 'chart' },
    h('figcaption', {}, title, unit ? h('span', { class: 'currency' }, ' ' + unit) : null), place,
    h('details', {}, h('summary', {}, t('chart.table')), table(title, columns, rows)));
  const one = { figure, place, make: () => plot(place, points, series, { unit, bars, percent }) };
  drawn.add(one);
  requestAnimationFrame(() => redraw(one));
  return figure;
}

function redraw(one) {
  if (!one.figure.isConnected) { one.plot?.destroy(); drawn.delete(one); return; }
  one.plot?.destroy();
  one.place.replaceChildren();
  one.plot = one.make();
}

export function redrawAll() { for (const one of drawn) redraw(one); }

let width = 0;
addEventListener('resize', () => {
  if (width === innerWidth) return;
  width = innerWidth;
  requestAnimationFrame(redrawAll);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawAll);

function plot(place, points, series, { unit, bars, percent }) {
  const style = getComputedStyle(document.documentElement);
  const ink = (name) => style.getPropertyValue(name).trim();
  const scale = 10 ** (exponent(unit) ?? 0);
  const exact = (value) => (value === null || value === undefined ? '–' : percent ? value + '%' : amount(value, unit));
  const lines = series.map((s, i) => ({
    label: s.label, stroke: ink('--series-' + (i + 1)), width: bars ? 0 : 1.75,
    fill: bars ? ink('--series-' + (i + 1)) : undefined, points: { show: !bars && points.length < 40, size: 4 },
    paths: bars ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined, spanGaps: true,
    value: (u, v, si, at) => exact(at === null || at === undefined ? null : points[at].values[i]),
  }));
  const axis = { stroke: ink('--muted'), grid: { stroke: ink('--line'), width: 1 }, ticks: { show: false }, font: '12px ' + ink('--font') };
  const xs = points.map((p) => Date.parse(p.day + 'T00:00:00Z') / 1000);
  const data = [xs,
    ...series.map((_, i) => points.map((p) => (p.values[i] === null ? null : Number(p.values[i]) / scale)))];
  return new uPlot({
    width: Math.max(200, place.clientWidth), height: 220, tzDate: (s) => uPlot.tzDate(new Date(s * 1000), 'UTC'),
    cursor: { y: false, drag: { x: false, y: false } }, legend: { live: true }, padding: [8, 8, 0, 0],
    scales: { x: { time: true, range: () => room(xs, bars) }, y: { range: (u, lo, hi) => around(lo, hi) } },
    axes: [
      { ...axis, size: 28, incrs: steps, values: (u, at) => at.map((s) => day(new Date(s * 1000).toISOString())), space: 96 },
      { ...axis, size: 72, values: (u, at) => at.map((v) => short(v)) },
    ],
    series: [{ label: t('col.day'), value: (u, v) => (v ? day(new Date(v * 1000).toISOString()) : '–') }, ...lines],
  }, data, place);
}

const oneDay = 86400;
const steps = [1, 2, 7, 14, 28, 56, 91, 182, 364, 728].map((n) => n * oneDay);

// room keeps the first and the last bar whole, and a single point in the middle.
function room(xs, bars) {
  const [first, last] = [xs[0], xs[xs.length - 1]];
  const more = bars ? oneDay * bars * 0.6 : first === last ? oneDay : 0;
  return [first - more, last + more];
}

function around(lo, hi) {
  const low = Math.min(0, lo ?? 0);
  const high = Math.max(0, hi ?? 1);
  const room = (high - low) * 0.06 || 1;
  return [low < 0 ? low - room : 0, high + room];
}

// short is for an axis alone: 12.5k.
function short(v) {
  const size = Math.abs(v);
  const steps = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  for (const [unit, letter] of steps) if (size >= unit) return String(Math.round(v / unit * 10) / 10).replace('-', '\u2212') + letter;
  return String(Math.round(v * 100) / 100).replace('-', '\u2212');
}
