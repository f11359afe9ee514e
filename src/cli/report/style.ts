/** Readable in light, dark and print, from 320 pixels of width on. Colours of series differ also for who sees few colours. */
export const pageStyle = `
:root { color-scheme: light dark;
  --page: #f4f5f8; --card: #ffffff; --ink: #1b2230; --soft: #5b6576; --line: #e3e7ee; --grid: #eceff4;
  --s0: #2f6fde; --s1: #e8833a; --s2: #1f9e89; --s3: #9458d6; --s4: #d3436e; --s5: #8b8f1e; --s6: #38a3d1; --s7: #98a2b3;
  --fine: #2f6fde; --near: #d98a00; --spent: #d0342c; --good: #19794b; --shade: 0 1px 2px rgb(20 30 50 / 6%), 0 4px 16px rgb(20 30 50 / 5%); }
@media (prefers-color-scheme: dark) { :root {
  --page: #0e1218; --card: #171d26; --ink: #e7ebf2; --soft: #9aa6b8; --line: #2a3341; --grid: #222a36;
  --s0: #5b93f5; --s1: #f29a58; --s2: #35c0a8; --s3: #b184ec; --s4: #ee6d93; --s5: #bcbf4a; --s6: #62c3ea; --s7: #8490a3;
  --fine: #5b93f5; --near: #f0ab32; --spent: #f4675f; --good: #4cc38a; --shade: none; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: end; gap: 8px 24px; padding-top: 32px; }
h1 { margin: 0; font-size: 28px; line-height: 1.2; letter-spacing: -0.01em; }
.brand { margin: 0 0 2px; color: var(--s0); font-weight: 600; font-size: 13px; letter-spacing: 0.02em; }
.span { margin: 0; font-weight: 600; text-align: right; }
.made { color: var(--soft); font-weight: 400; font-size: 13px; }
main { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; padding-top: 20px; }
.wide, .tiles { grid-column: 1 / -1; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 12px; margin: 0; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shade); }
.tile { padding: 14px 16px; }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { margin: 0; }
.figure { font-size: 26px; font-weight: 650; line-height: 1.25; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.exact { color: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.card { margin: 0; padding: 18px 20px 16px; min-width: 0; }
h2 { margin: 0 0 14px; font-size: 16px; line-height: 1.3; }
.note, .empty { margin: 10px 0 0; color: var(--soft); font-size: 13px; }
.empty { margin: 0; }
svg { display: block; overflow: visible; }
svg.chart { width: calc(100% - 46px); margin-left: 46px; }
svg.parts, svg.meter, svg.size { width: 100%; overflow: hidden; }
svg.parts { border-radius: 6px; }
svg text { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; }
.tick { text-anchor: end; }
.time { text-anchor: middle; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--line); stroke-width: 1.5; }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); } .s3 { fill: var(--s3); }
.s4 { fill: var(--s4); } .s5 { fill: var(--s5); } .s6 { fill: var(--s6); } .s7 { fill: var(--s7); }
.chart rect:hover, .parts rect:hover { opacity: 0.75; }
.line { fill: none; stroke: var(--s2); stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.area { fill: var(--s2); opacity: 0.12; }
.dot { fill: var(--card); stroke: var(--s2); stroke-width: 1.75; }
.track { fill: var(--grid); } .settled { fill: var(--fine); } .held { fill: var(--fine); opacity: 0.4; }
.near .settled, .near .held { fill: var(--near); } .spent .settled, .spent .held { fill: var(--spent); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 12px 0 0; padding: 0; list-style: none; font-size: 13px; }
.legend li { display: flex; align-items: baseline; gap: 6px; min-width: 0; }
.legend svg { flex: none; }
.legend .name { overflow-wrap: anywhere; unicode-bidi: isolate; }
.legend .count { font-weight: 600; } .legend .share { color: var(--soft); }
.legend .count, .legend .share { font-variant-numeric: tabular-nums; white-space: nowrap; }
details { margin-top: 10px; font-size: 13px; }
summary { color: var(--soft); cursor: pointer; width: fit-content; }
details .scroll { max-height: 320px; margin-top: 8px; }
.scroll { overflow: auto; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: top; font-weight: 400; unicode-bidi: isolate; }
tr > :last-child { padding-right: 0; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-size: 12px; white-space: nowrap; border-bottom-color: var(--line); }
tbody th { font-weight: 600; }
th.text, td.text, td.long, td.code { overflow-wrap: anywhere; min-width: 96px; }
td.long, td.code { min-width: 210px; }
th.whole, td.whole { white-space: nowrap; }
td.code, code { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: 12px; }
th.number, td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.bar, td.bar { min-width: 90px; width: 14%; }
td.bar svg { margin-top: 6px; }
.outcome { font-weight: 600; } .done { color: var(--good); } .failed, .open { color: var(--spent); }
footer { padding-top: 8px; padding-bottom: 32px; color: var(--soft); font-size: 12.5px; }
@media (max-width: 900px) { main { grid-template-columns: minmax(0, 1fr); } .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (max-width: 560px) {
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .second { display: none; } .span { text-align: left; }
  header, main, footer { padding-left: 12px; padding-right: 12px; } .card { padding: 14px; } }
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #111; --soft: #444; --line: #bbb; --grid: #ddd; --shade: none;
    --s0: #2f6fde; --s1: #e8833a; --s2: #1f9e89; --s3: #9458d6; --s4: #d3436e; --s5: #8b8f1e; --s6: #38a3d1; --s7: #98a2b3; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 12px; } .card, .tile, tr { break-inside: avoid; } details { display: none; }
  .scroll { overflow: visible; } table { font-size: 9.5px; } th, td { padding-right: 8px; }
  th.bar, td.bar { display: none; } th.text, td.text, td.long, td.code { min-width: 0; } td.code { font-size: 9px; } }
`
