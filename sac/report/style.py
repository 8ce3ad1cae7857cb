"""The look of the page: one column that fits a phone, light or dark as the reader's system is."""

CSS = """
:root{color-scheme:light dark;--bg:#fbfaf7;--card:#fff;--ink:#1c1f24;--soft:#565d68;--line:#d9d6cf;--link:#0b57a4;
--good:#136c3a;--bad:#b3261e;--warn:#8a5200;--equal:#4c8a68;--after:#c2702e;--none:#9b978e;--mark:#fde9c8;--first:#b3261e;
--c0:#0b62a8;--c1:#b3411a;--c2:#256f3f;--c3:#7a3e9d;--c4:#8a6100;--c5:#3f4a5a}
@media (prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1c1f25;--ink:#e8e6e1;--soft:#a9adb6;--line:#363a43;
--link:#8ab8f0;--good:#6fd197;--bad:#ff9086;--warn:#f0b45b;--equal:#5da981;--after:#b5793c;--first:#ff5449;--none:#6d7078;
--mark:#4a3713;--c0:#7cb7f2;--c1:#f29a70;--c2:#7fce98;--c3:#cfa0ee;--c4:#e3bd56;--c5:#bcc4d2}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:61rem;margin:0 auto;padding:1.5rem 1.1rem 4rem}
header p{margin:.1rem 0 1.1rem;color:var(--soft)}
h1{font-size:1.05rem;margin:0;letter-spacing:.01em}
h2{font-size:1.2rem;margin:2.6rem 0 .5rem}
h3{font-size:1rem;margin:1.4rem 0 .3rem}
p{margin:.4rem 0}
a{color:var(--link)}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
code{overflow-wrap:anywhere}
code span,pre span{display:inline-block;max-width:100%;overflow-wrap:anywhere}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.verdict{background:var(--card);border:1px solid var(--line);border-left:.5rem solid var(--tone);border-radius:6px;
padding:1.1rem 1.2rem 1.2rem}
.verdict .word{margin:0;color:var(--tone);font-weight:700;font-size:.82rem;letter-spacing:.07em;
text-transform:uppercase}
.verdict .head{margin:.15rem 0 .9rem;font-size:1.35rem;line-height:1.32;font-weight:650;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:9rem 1fr;gap:.5rem 1rem;margin:0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;min-width:0;grid-column:2}
.diverged{--tone:var(--bad)}.equal{--tone:var(--good)}.open{--tone:var(--warn)}
.soft{color:var(--soft);font-size:.92rem}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;padding:0;margin:.5rem 0 .8rem;list-style:none;font-size:.9rem}
.legend svg{width:1.9rem;height:16px;margin-right:.45rem;vertical-align:-3px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;color:var(--soft);padding-bottom:.4rem}
th{text-align:left;font-weight:600;vertical-align:top}
thead th{color:var(--soft);border-bottom:1px solid var(--line);padding:.25rem .6rem .25rem 0}
td{vertical-align:top}
.strip th[scope=row]{font-weight:400;white-space:nowrap;width:1%;padding:.12rem .8rem .12rem 0}
.strip td{padding:.12rem 0}.strip td,.strip th[scope=row]{vertical-align:middle}
.strip td:last-child{width:15.5rem;padding-left:.9rem;color:var(--soft);font-size:.86rem}
.strip tr.hit th,.strip tr.hit td:last-child{color:var(--bad);font-weight:700}
svg.row{display:block;width:100%;height:16px}
.s-equal{fill:var(--equal)}.s-first{fill:var(--first)}.s-after{fill:var(--after)}.s-none{fill:var(--none)}
.speed td:last-child{width:24rem}.speed td.bars{min-width:8rem}
.axis{display:flex;justify-content:space-between;color:var(--soft);font-size:.82rem}
.frame{margin:.2rem 0 1rem}
.frame pre{background:var(--bg);margin:.3rem 0 0}
.frame pre span,.frame mark{display:block;padding:0 .3em 0 9.3ch;text-indent:-9ch;min-height:1.55em}
.frame mark{font-weight:700}
figure{margin:1rem 0 1.4rem}
figcaption{font-weight:600;margin-bottom:.3rem}
.chart{display:grid;grid-template-columns:3.4rem 1fr;gap:.25rem .6rem}
.chart .y{display:flex;flex-direction:column;justify-content:space-between;text-align:right;color:var(--soft);
font-size:.82rem;line-height:1;margin:-.4em 0}
.chart .axis{grid-column:2}
svg.plot{width:100%;height:230px;overflow:visible;display:block}
.grid{stroke:var(--line);fill:none;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:2.2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.dots{fill:none;stroke-width:6.5;stroke-linecap:round;vector-effect:non-scaling-stroke}
.band{opacity:.2;stroke:none}
.c0{stroke:var(--c0);--fill:var(--c0)}.c1{stroke:var(--c1);--fill:var(--c1);stroke-dasharray:9 5}
.c2{stroke:var(--c2);--fill:var(--c2);stroke-dasharray:3 4}
.c3{stroke:var(--c3);--fill:var(--c3);stroke-dasharray:12 4 3 4}
.c4{stroke:var(--c4);--fill:var(--c4);stroke-dasharray:6 3}.c5{stroke:var(--c5);--fill:var(--c5);stroke-dasharray:2 3}
.band{fill:var(--fill)}.dots{stroke-dasharray:none}
mark{background:var(--mark);color:inherit;padding:0 .25em;border-radius:3px}
.facts th[scope=row]{padding:.3rem .8rem .3rem 0;font-weight:400;width:15rem;overflow-wrap:anywhere}
.facts td{padding:.3rem .8rem .3rem 0;overflow-wrap:anywhere}
.facts tbody tr,.numbers tbody tr{border-bottom:1px solid var(--line)}
.numbers td,.numbers th{padding:.2rem .8rem .2rem 0;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
summary{cursor:pointer;color:var(--link);padding:.35rem 0}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.7rem .9rem;white-space:pre-wrap;
overflow-wrap:anywhere;margin:.3rem 0 1rem}
@media (max-width:40rem){
main{padding:1rem .9rem 3rem}
.verdict .head{font-size:1.15rem}
dl{grid-template-columns:1fr;gap:.05rem}dd{margin-bottom:.6rem;grid-column:1}
.strip thead{display:none}
.strip tr{display:grid;grid-template-columns:1fr auto;column-gap:.8rem;padding:.2rem 0}
.strip td.bars{grid-column:1/3;grid-row:2}
.strip td:last-child{width:auto;padding:0;text-align:right;align-self:end}
.facts thead{display:none}.facts tr{display:block;padding:.35rem 0}
.facts th[scope=row],.facts td{display:block;width:auto;padding:.05rem 0}
.facts td[data-run]::before{content:attr(data-run) ": ";color:var(--soft)}
}
@media print{.verdict,pre{break-inside:avoid}}
"""
