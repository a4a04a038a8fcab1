// SPDX-License-Identifier: Apache-2.0
//
// The widget's looks. A constructed sheet is script, not style, in the eyes of CSP: it works under
// `style-src 'none'`. Logical properties only (right-to-left pages), both colour schemes, forced
// colours, reduced motion. `all: initial` on the roots keeps the page's inherited styles out; what
// carries the way to a person is fixed with !important, which a page cannot override from outside.

const css = `
:host { color-scheme: light dark; }
:host([theme=light]) { color-scheme: light; }
:host([theme=dark]) { color-scheme: dark; }
.launcher, .panel {
  all: initial; box-sizing: border-box; position: fixed; z-index: var(--baton-z, 2147483000);
  font: 15px/1.45 var(--baton-font, system-ui, sans-serif);
  --accent: var(--baton-accent, #14584a); --on: var(--baton-on-accent, #fff);
  --bg: var(--baton-bg, light-dark(#fff, #16201d)); --fg: var(--baton-fg, light-dark(#17211e, #e7efec));
  --soft: light-dark(#eef3f0, #243230); --line: light-dark(#c9d5d0, #41534e); --dim: light-dark(#4d5b56, #aebdb8);
  --link: light-dark(#0a5443, #8cd8c2); --r: var(--baton-radius, 16px); color: var(--fg);
}
*, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; min-block-size: 28px; min-inline-size: 28px; }
:focus-visible { outline: 3px solid light-dark(#0b6bcb, #7cc0ff); outline-offset: 2px; }
svg { inline-size: 20px; block-size: 20px; fill: currentColor; display: block; }
.sr { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.launcher {
  inset-block-end: 20px; inset-inline-end: 20px; inline-size: 56px; block-size: 56px; border-radius: 50%;
  background: var(--accent); color: var(--on); display: grid; place-items: center; cursor: pointer; border: 2px solid transparent;
  box-shadow: 0 4px 18px #0006;
}
.launcher svg { inline-size: 26px; block-size: 26px; }
.badge {
  position: absolute; inset-block-start: -6px; inset-inline-end: -6px; min-inline-size: 22px; padding-inline: 5px; border-radius: 11px;
  background: #b3261e; color: #fff; font-size: 13px; line-height: 22px; text-align: center;
}
.panel {
  inset-block-end: 20px; inset-inline-end: 20px; inline-size: min(390px, calc(100vw - 40px)); block-size: min(640px, calc(100dvh - 40px));
  background: var(--bg); border: 1px solid var(--line); border-radius: var(--r); box-shadow: 0 12px 48px #0005;
  display: flex; flex-direction: column; overflow: hidden; animation: rise .18s ease-out;
}
@keyframes rise { from { transform: translateY(12px); opacity: 0; } }
.head { display: flex; align-items: center; gap: 8px; padding-block: 10px; padding-inline: 16px 10px; background: var(--accent); color: var(--on); }
h2 { font-size: 17px; margin: 0; flex: 1; }
.head button { background: none; border: 0; border-radius: 8px; display: grid; place-items: center; }
.state { padding: 6px 16px; background: light-dark(#fff3d6, #4a3a12); color: light-dark(#4a3500, #ffe6ad); font-size: 14px; }
.log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 12px 16px; margin: 0; min-block-size: 60px; }
.log:focus-visible { outline-offset: -3px; }
.note { font-size: 13.5px; color: var(--dim); text-align: center; margin: 10px 8px; }
.disclosure { background: var(--soft); border-radius: 10px; padding: 8px 12px; color: var(--fg); }
.item { margin-block: 12px; max-inline-size: 88%; inline-size: fit-content; }
.item.own { margin-inline-start: auto; }
.who { font-size: 12.5px; color: var(--dim); margin-block-end: 3px; }
.own .who, .own .foot { text-align: end; }
.bubble { padding: 9px 13px; border-radius: 14px; background: var(--soft); overflow-wrap: anywhere; border: 1px solid transparent; }
.human .bubble { border-color: light-dark(#14584a, #8cd8c2); border-inline-start-width: 4px; }
.own .bubble { background: var(--accent); color: var(--on); white-space: pre-wrap; }
.bubble > * { margin: 0; white-space: pre-line; }
.bubble > * + * { margin-block-start: 8px; }
.bubble ul, .bubble ol { padding-inline-start: 22px; }
.bubble pre { white-space: pre; overflow-x: auto; padding: 8px; border-radius: 8px; background: light-dark(#dfe7e3, #101816); }
td { border: 1px solid var(--line); padding: 2px 6px; }
.bubble table { border-collapse: collapse; }
.bubble code { font: 13.5px ui-monospace, monospace; }
a { color: var(--link); }
.own a { color: inherit; }
.live .bubble > :last-child::after { content: "▍"; animation: blink 1s steps(2) infinite; }
@keyframes blink { 50% { opacity: 0; } }
.foot { font-size: 13px; color: var(--dim); margin-block-start: 4px; }
.foot ul { margin: 2px 0 0; padding-inline-start: 18px; }
.foot.bad { color: light-dark(#a31510, #ffb4ab); }
.foot button { background: none; border: 1px solid var(--line); border-radius: 8px; padding: 2px 8px; }
.rate { display: flex; gap: 6px; align-items: center; }
.rate button { padding: 4px; display: grid; place-items: center; }
.rate svg { inline-size: 16px; block-size: 16px; }
.rate [aria-pressed=true] { background: var(--accent); color: var(--on); }
.busy { padding: 0 16px 6px; min-block-size: 26px; font-size: 13.5px; color: var(--dim); }
.foot-bar { border-block-start: 1px solid var(--line); padding: 8px 12px 12px; background: var(--bg); }
.human-bar {
  display: flex !important; visibility: visible !important; opacity: 1 !important; position: static !important;
  inline-size: 100% !important; min-block-size: 34px !important; justify-content: center; align-items: center; margin-block-end: 8px;
  font-size: 14px !important; font-weight: 600; border-radius: 10px; border: 1.5px solid var(--link); background: var(--bg); color: var(--link);
}
.human-bar[aria-disabled=true] { border-style: dashed; cursor: default; font-weight: 400; }
form { display: flex; gap: 8px; align-items: end; }
textarea {
  flex: 1; resize: none; field-sizing: content; min-block-size: 42px; max-block-size: 140px; padding: 9px 12px; font-size: 16px; line-height: 1.35;
  border: 1px solid light-dark(#6b7a74, #83958f); border-radius: 12px; background: light-dark(#fff, #0f1715);
}
.send { background: var(--accent); color: var(--on); border: 1px solid transparent; border-radius: 12px; inline-size: 44px; block-size: 42px; display: grid; place-items: center; }
:host(:dir(rtl)) .send svg { transform: scaleX(-1); }
@media (max-width: 480px) { .panel { inset: 0; inline-size: 100vw; block-size: 100dvh; border: 0; border-radius: 0; } }
@media (max-height: 420px) { .busy { min-block-size: 0; } .foot-bar { padding-block: 4px; } }
@media (prefers-reduced-motion: reduce) { *, ::after { animation: none !important; } }
@media (forced-colors: active) {
  .launcher, .send, .bubble, .head button { border: 1px solid ButtonText; }
  .head { border-block-end: 1px solid CanvasText; }
  svg { fill: ButtonText; } .rate [aria-pressed=true] { outline: 2px solid Highlight; }
}
`;

export const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
