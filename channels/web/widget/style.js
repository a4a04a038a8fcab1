// SPDX-License-Identifier: Apache-2.0
//
// The widget's looks. A constructed sheet is script, not style, in the eyes of CSP: it works under
// `style-src 'none'`. Logical properties only (right-to-left pages), both colour schemes, forced
// colours; nothing moves. `all: initial` on the roots (baton-chat.js) keeps the page's inherited styles out.
// What carries the way to a person, and what could cover it or push it out of sight, is fixed with
// !important: inside a shadow root that wins over whatever a page says of our parts.

export const sheet = new CSSStyleSheet();
sheet.replaceSync(/* css */ `
.panel {
  --bg: var(--baton-bg, light-dark(#fff, #16201d)); --fg: var(--baton-fg, light-dark(#17211e, #e7efec)); --r: var(--baton-radius, 16px);
  --soft: color-mix(in srgb, var(--fg) 8%, var(--bg)); --line: color-mix(in srgb, var(--fg) 25%, var(--bg)); --dim: color-mix(in srgb, var(--fg) 75%, var(--bg));
  --link: light-dark(#0a5443, #8cd8c2);
  inline-size: min(390px, 100vw - 40px); block-size: min(640px, 100dvh - 40px); min-inline-size: min(280px, 100vw) !important; min-block-size: min(320px, 100dvh) !important;
  padding: 0 !important; color: var(--fg); background: var(--bg); border: 1px solid var(--line); border-radius: var(--r); box-shadow: 0 12px 48px #0005; overflow: hidden;
}
.panel:not([hidden]) { display: block !important; }
:host([inline]) { display: block; block-size: 600px; }
:host([inline]) .panel { position: relative; inset: 0; inline-size: 100%; block-size: 100%; z-index: 0; }
.inner { display: flex; flex-direction: column; block-size: 100%; }
*, ::after { box-sizing: border-box; }
.panel :is(button, textarea, input) { font: inherit; color: inherit; border: 1px solid var(--dim); border-radius: 8px; background: none; }
button { cursor: pointer; min-block-size: 28px; min-inline-size: 28px; }
.sr { position: absolute; clip-path: inset(50%); }
.badge { position: absolute; inset-block-start: -6px; inset-inline-end: -6px; min-inline-size: 22px; padding-inline: 5px; border-radius: 11px; background: #b3261e; color: #fff; font-size: 13px; line-height: 22px; text-align: center; }
.head { display: flex; gap: 4px; align-items: center; padding: 10px 16px; background: var(--accent); color: var(--on); max-block-size: 30% !important; overflow: hidden; }
.head, .log { min-block-size: 0 !important; position: static !important; }
h2 { font-size: 17px; margin: 0; flex: 1; }
.panel .head button { border: 0; outline-color: currentColor; }
.state, .place { padding: 6px 16px; font-size: 14px; background: var(--soft); }
.state { background: var(--fg); color: var(--bg); }
.panel .link { border: 0; padding: 0; color: var(--link); text-decoration: underline; margin-inline: 4px; overflow-wrap: anywhere; }
.ask { display: flex; gap: 6px; margin-block-start: 4px; }
.ask input { flex: 1; min-inline-size: 0; padding: 4px 10px; }
.log {
  flex: 1 1 0 !important; max-block-size: none !important; contain: paint !important; margin: 0 !important;
  overflow-y: auto; overscroll-behavior: contain; padding: 12px 16px;
}
.log:focus-visible { outline-offset: -3px; }
.note, .foot, .who, .busy { font-size: 13px; color: var(--dim); }
.note { text-align: center; margin-block: 10px; }
.disclosure { background: var(--soft); border-radius: 10px; padding: 8px 12px; color: var(--fg); }
.item { margin-block: 12px; max-inline-size: 88%; inline-size: fit-content; }
.own { margin-inline-start: auto; }
.own .who, .own .foot { text-align: end; }
.bubble { padding: 9px 13px; border-radius: 14px; background: var(--soft); overflow-wrap: anywhere; border: 1px solid transparent; }
.human .bubble { border-color: var(--link); border-inline-start-width: 4px; }
.own .bubble { background: var(--accent); color: var(--on); white-space: pre-wrap; }
.bubble > * { margin: 0; white-space: pre-line; }
.bubble > * + * { margin-block-start: 8px; }
ul, ol { margin: 0; padding-inline-start: 20px; }
.bubble pre { white-space: pre; overflow-x: auto; }
td { border: 1px solid var(--line); padding: 2px 6px; }
a { color: var(--link); }
.live .bubble { border-inline-end: 4px solid var(--link); }
.foot { margin: 4px 0; }
.bad { color: light-dark(#a31510, #ffb4ab); }
.rate, .files li { display: flex; gap: 6px; align-items: center; }
[aria-pressed=true] { background: var(--accent) !important; color: var(--on) !important; font-weight: 700 !important; }
.files { padding: 0; font-size: 14px; max-block-size: 96px; overflow-y: auto; }
.files bdi { flex: 1; overflow-wrap: anywhere; }
.busy { padding: 0 16px 6px; min-block-size: 26px; }
.foot-bar { border-block-start: 1px solid var(--line); padding: 8px 12px; background: var(--bg); flex: none !important; position: relative !important; z-index: 1 !important; }
.panel .human-bar {
  display: block !important; visibility: visible !important; opacity: 1 !important; position: relative !important; inset: auto !important; z-index: 2 !important;
  inline-size: 100% !important; min-block-size: 34px !important; font-size: 14px !important; font-weight: 600; border: 1.5px solid; background: var(--bg); color: var(--link); margin-block-end: 8px;
}
.human-bar[aria-disabled] { border-style: dashed !important; }
.foot-bar form { display: flex; gap: 8px; align-items: end; }
textarea { unicode-bidi: plaintext; flex: 1; min-inline-size: 0; resize: none; field-sizing: content; min-block-size: 42px; max-block-size: 140px !important; padding: 9px 12px; font-size: 16px !important; }
textarea, .send { position: static !important; transform: none !important; margin: 0 !important; z-index: 0 !important; border-radius: 12px !important; }
.panel .send { background: var(--accent); color: var(--on); border-color: transparent; inline-size: 44px; block-size: 42px; max-block-size: 42px !important; font-size: 20px; }
@media (max-width: 480px) {
  :host(:not([inline])) .panel { inset: var(--above, 0) 0 auto; inline-size: 100%; block-size: var(--seen, 100dvh); border: 0; border-radius: 0; }
  .inner { padding: env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left); }
}
@media (max-height: 420px) { .busy, #limits { display: none; } .foot-bar, .head { padding-block: 2px; } }
`);
