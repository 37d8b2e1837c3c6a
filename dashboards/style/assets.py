"""The style sheet and the script of every page, as text: they are written into the page, which loads nothing."""

STYLE = """
:root { --ink: #1d2733; --muted: #5b6875; --faint: #a9b4bf; --line: #e3e8ed; --wash: #f5f7f9; --navy: #0b3a63;
  --blue: #2a78b8; --orange: #d98200; --red: #bf3d1f; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; color: var(--ink); background: #fff; font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1140px; margin: 0 auto; padding: 40px 28px 72px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 10px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 20px; line-height: 1.3; margin: 52px 0 6px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 22px 0 4px; }
p { margin: 0 0 10px; max-width: 78ch; }
.kicker { color: var(--muted); font-size: 13px; margin: 0 0 4px; }
.result { font-size: 19px; line-height: 1.5; max-width: 66ch; margin: 14px 0 20px; }
dl.facts + details, details + dl.facts { margin-top: 16px; }
ul.result { font-size: 17px; padding-left: 22px; max-width: 78ch; }
ul.result li { margin-bottom: 5px; }
.significant { font-weight: 650; color: var(--navy); }
.result strong { font-weight: 650; color: var(--navy); }
.notice { border-left: 3px solid var(--orange); background: #fdf7ec; padding: 8px 14px; margin: 12px 0; }
.note, .nothing { color: var(--muted); font-size: 14px; }
.nothing { background: var(--wash); border-radius: 6px; padding: 18px 20px; margin: 8px 0; max-width: none; }
nav { font-size: 14px; margin: 18px 0 0; color: var(--muted); }
nav a { margin-right: 18px; white-space: nowrap; }
a { color: var(--blue); text-decoration: none; }
a:hover { text-decoration: underline; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(245px, 1fr)); gap: 14px 28px; margin: 0; }
dl.facts dt { color: var(--muted); font-size: 12.5px; }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.plot { width: 100%; margin: 4px 0 0; position: relative; }
.plot > .save { position: absolute; right: 4px; bottom: 4px; z-index: 2; border: 0; background: none; padding: 2px 4px;
  font: inherit; font-size: 12px; color: var(--muted); cursor: pointer; opacity: 0; }
.plot:hover > .save, .plot > .save:focus { opacity: 1; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(460px, 100%), 1fr)); gap: 18px 26px; }
.pairs > * { min-width: 0; }
.pairs h3 { margin: 6px 0 0; font-weight: 600; }
.scroll { overflow-x: auto; margin: 10px 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--muted); font-weight: 500; font-size: 12.5px; vertical-align: bottom;
  border-bottom-color: var(--faint); }
th.num, td.num { text-align: right; white-space: nowrap; }
td small { color: var(--muted); font-size: 12.5px; display: block; }
tr.first td { background: #eef4fa; }
tr.first td:first-child { box-shadow: inset 3px 0 var(--navy); padding-left: 12px; }
table.ranked td:first-child, table.ranked th:first-child { padding-left: 12px; }
table.sortable { font-size: 13px; }
table.sortable th { cursor: pointer; user-select: none; white-space: nowrap; }
table.sortable th:hover, table.sortable th[aria-sort] { color: var(--ink); }
table.sortable th[aria-sort=ascending]::after { content: " \\2191"; }
table.sortable th[aria-sort=descending]::after { content: " \\2193"; }
table.sortable td { padding-top: 4px; padding-bottom: 4px; }
table.short { width: auto; }
td.end { max-width: 230px; overflow-wrap: break-word; }
.failed { color: var(--red); }
.paused, .stopped { color: var(--muted); }
pre, code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
pre { background: var(--wash); border-radius: 6px; padding: 12px 14px; margin: 6px 0 12px; white-space: pre-wrap;
  overflow-wrap: anywhere; position: relative; }
pre.copy { padding-right: 76px; }
pre button { position: absolute; top: 8px; right: 8px; font: inherit; font-size: 12px; color: var(--muted);
  background: #fff; border: 1px solid var(--faint); border-radius: 4px; padding: 1px 8px; cursor: pointer; }
summary { cursor: pointer; }
td details { position: relative; }
td details > div { position: absolute; right: 0; z-index: 3; width: min(460px, 80vw); padding: 10px 14px;
  font-size: 13px; white-space: normal; background: #fff; border: 1px solid var(--faint); border-radius: 6px;
  box-shadow: 0 4px 16px rgb(29 39 51 / 14%); }
td details.left > div { right: auto; left: 0; }
footer { margin-top: 48px; color: var(--muted); font-size: 13px; }
@media (max-width: 640px) { main { padding: 22px 14px; } .result { font-size: 17px; } }
@media print {
  @page { size: A4; margin: 14mm; }
  body { font-size: 12.5px; }
  main { max-width: none; padding: 0; }
  nav, pre button, .save, .plot .updatemenu-container { display: none !important; }
  h2 { margin-top: 26px; }
  h2, h3, section > p { break-after: avoid; }
  p { break-inside: avoid; }
  .result { font-size: 15px; }
  .plot, .pairs > *, tr, .nothing { break-inside: avoid; }
  .scroll { overflow: visible; }
  .pairs { grid-template-columns: 1fr 1fr; }
  table { font-size: 11.5px; }
  table.sortable, table.sortable th { font-size: 9.5px; }
}
"""

SCRIPT = """
'use strict';
const drawn = [...document.querySelectorAll('.plot')];
Promise.all(drawn.map(place => {
  const figure = JSON.parse(place.nextElementSibling.textContent);
  return Plotly.newPlot(place, figure.data, figure.layout, figure.config).then(() => {
    const kind = (figure.layout.meta || {}).kind;
    if (kind) follow(place, kind === 'parallel');
    const save = document.createElement('button');
    save.className = 'save';
    save.textContent = 'save as SVG';
    save.addEventListener('click', () => Plotly.downloadImage(place, {
      format: 'svg', filename: place.id, width: place.clientWidth, height: place.clientHeight }));
    place.append(save);
  });
})).then(() => { document.documentElement.dataset.drawn = drawn.length; });

// The line under the pointer comes to the front; in parallel coordinates a box keeps the trials that pass through it.
function follow(place, boxes) {
  const last = place.data.length - 1, lines = new Map(), bases = [];
  const read = () => {
    lines.clear();
    place.data.slice(0, last).forEach((trace, number) => {
      if (!trace.mode.startsWith('lines')) return;
      if (!bases.includes(number)) bases.push(number);
      trace.customdata.forEach((owner, point) => {
        if (owner === null || trace.y[point] === null) return;
        if (!lines.has(owner)) lines.set(owner, [[], []]);
        lines.get(owner)[0].push(trace.x[point]);
        lines.get(owner)[1].push(trace.y[point]);
      });
    });
  };
  let chosen = null, shown = '';
  const show = owners => {
    if (owners.join() === shown) return;
    shown = owners.join();
    const x = [], y = [];
    for (const owner of owners) {
      const line = lines.get(owner);
      if (line) { x.push(...line[0], null); y.push(...line[1], null); }
    }
    const width = owners.length > 20 ? 1 : owners.length > 1 ? 1.5 : 3;
    Plotly.restyle(place, { x: [x], y: [y], 'line.width': width }, [last]);
  };
  const opacity = place.data.map(trace => trace.opacity ?? 1);
  read();
  place.on('plotly_restyle', change => { if (!change[1].includes(last) || change[1].length > 1) read(); });
  place.on('plotly_hover', event => { if (!chosen) show([event.points[0].customdata]); });
  place.on('plotly_unhover', () => { if (!chosen) show([]); });
  if (!boxes) return;
  place.on('plotly_selected', event => {
    const rows = new Map();
    for (const point of (event ? event.points : [])) {
      if (!rows.has(point.y)) rows.set(point.y, new Set());
      rows.get(point.y).add(point.customdata);
    }
    if (!rows.size) return;
    chosen = [...rows.values()].reduce((one, other) => new Set([...one].filter(owner => other.has(owner))));
    Plotly.restyle(place, { opacity: 0.12 }, bases);
    show([...chosen]);
  });
  place.on('plotly_deselect', () => {
    chosen = null;
    bases.forEach(number => Plotly.restyle(place, { opacity: opacity[number] }, [number]));
    show([]);
  });
}

for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const value = (row, column) => {
    const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent.trim();
    return text === '' ? null : isNaN(text) ? text : Number(text);
  };
  const sort = (head, column) => {
    const sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
    heads.forEach(other => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
    const rows = [...body.rows].map(row => [value(row, column), row]);
    rows.sort(([a], [b]) => a === null ? (b === null ? 0 : 1) : b === null ? -1
      : sign * (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))));
    body.append(...rows.map(row => row[1]));
  };
  heads.forEach((head, column) => {
    head.tabIndex = 0;
    head.addEventListener('click', () => sort(head, column));
    head.addEventListener('keydown', event => { if (event.key === 'Enter') sort(head, column); });
  });
}

for (const block of document.querySelectorAll('pre.copy')) {
  const button = document.createElement('button'), text = block.textContent;
  button.textContent = 'copy';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = 'copied';
  });
  if (navigator.clipboard) block.append(button);
}

// Paper is narrower than most screens, and figures are laid out before the browser knows how wide it is.
const paper = place => place.closest('.pairs') ? 330 : 680;
window.addEventListener('beforeprint', () => drawn.forEach(place => Plotly.relayout(place, { width: paper(place) })));
window.addEventListener('afterprint', () => drawn.forEach(place => {
  Plotly.relayout(place, { width: null, autosize: true });
}));
"""
