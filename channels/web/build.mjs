// SPDX-License-Identifier: Apache-2.0
//
// Makes channels/web/widget/dist of the sources: the loader, everything behind it as one file, and a file per
// language, minified, and beside each what the server sends to those who read gzip. `node channels/web/build.mjs` after `npm ci` in tests/; with --check nothing is
// written: it says what would change or what a language lacks, and fails if there is any. Nothing here is served.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FROM = path.join(HERE, 'widget');
const TO = path.join(FROM, 'dist');
const BANNER = '// SPDX-License-Identifier: Apache-2.0\n';

let esbuild, terser, zopfli;
try {
	const require = createRequire(path.join(HERE, '..', '..', 'tests', 'package.json'));
	esbuild = require('esbuild');
	terser = require('terser');
	zopfli = require('@gfx/zopfli');
} catch {
	console.log('SKIP esbuild, terser or zopfli is not installed: npm ci in tests/');
	process.exit(0);
}

/* Properties that only the widget's own files know: these may be called anything. Sentences, but not
 * those that are looked up by the name of an event or a state; then what the files call each other by. */
const OURS = `launcher transcript composer human_asked human_waiting human_here template person someone answering looking thanks nobody uploading
upload_failed mode_left too_long until kept sending attach typing opens you
pending touch acked reconnecting caughtUp finished notice stale made rev wake restart onframe onstate hello about onticket opened refusal onSession
busy part covers fit say draw words detach fetchFile fetchPath typed rate escape left inline requestHumanNow`.split(/\s+/);

/* Style sheets stand in the code as marked literals; lines for tests and the console are marked too. */
function squeezed(code) {
	return code.replace(/^.*\/\/ not in the widget$/gm, '').replaceAll('this.#everything', 'false').replace(/\/\* css \*\/ `([^`]*)`/g, (all, css) => JSON.stringify(esbuild.transformSync(css, { loader: 'css', minify: true, target: 'esnext', charset: 'utf8' }).code.trim()));
}

const source = (name) => squeezed(readFileSync(path.join(FROM, name), 'utf8'));
const plugin = { name: 'css', setup: (build) => build.onLoad({ filter: /\.js$/ }, ({ path: file }) => ({ contents: source(path.basename(file)), loader: 'js' })) };

async function built() {
	const nameCache = {}; // the languages call their sentences what the panel calls them
	const small = async (code, properties) => (await terser.minify(esbuild.transformSync(code, { minify: true, format: 'esm', target: 'esnext', charset: 'utf8', legalComments: 'none' }).code, {
		module: true, ecma: 2022, nameCache, format: { ascii_only: false, comments: false },
		compress: { passes: 3, ecma: 2022, unsafe: true, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, keep_fargs: false },
		mangle: { properties: properties && { regex: new RegExp(`^(${OURS.join('|')})$`) } },
	})).code;
	const { outputFiles } = await esbuild.build({ entryPoints: [path.join(FROM, 'panel.js')], bundle: true, format: 'esm', target: 'esnext', charset: 'utf8', legalComments: 'none', write: false, plugins: [plugin] });
	const files = new Map([['baton-chat.js', await small(source('baton-chat.js'), false)], ['panel.js', await small(outputFiles[0].text, true)]]);
	for (const name of readdirSync(FROM).filter((file) => /^messages\.\w+\.js$/.test(file))) files.set(name, await small(source(name), true));
	return files;
}

const gzip = (bytes) => new Promise((done, failed) => zopfli.gzip(bytes, { numiterations: 30 }, (error, small) => (error ? failed(error) : done(Buffer.from(small)))));

const read = (name) => {
	try {
		return readFileSync(path.join(TO, name));
	} catch {
		return null;
	}
};

const files = new Map();
for (const [name, code] of await built()) {
	files.set(name, Buffer.from(BANNER + code));
	files.set(`${name}.gz`, await gzip(files.get(name)));
}
const stale = [...files].filter(([name, bytes]) => !read(name)?.equals(bytes)).map(([name]) => name);
const extra = readdirSync(TO).filter((name) => !files.has(name));

/* Languages that lack a sentence, have one more, or forget what is to be filled in. */
async function untranslated() {
	const { en } = await import(path.join(FROM, 'messages.js'));
	const holes = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
	const found = [];
	for (const name of files.keys()) {
		if (!/^messages\..*js$/.test(name)) continue;
		const { default: other } = await import(path.join(FROM, name));
		for (const key of new Set([...Object.keys(en), ...Object.keys(other)]))
			if (!en[key] || !other[key] || holes(en[key]) !== holes(other[key])) found.push(`channels/web/widget/${name}: ${key}`);
	}
	return found;
}

if (process.argv.includes('--check')) {
	const missing = await untranslated();
	for (const line of missing) console.log(line);
	for (const name of [...stale, ...extra]) console.log(`channels/web/widget/dist/${name} is not what the sources say: node channels/web/build.mjs`);
	process.exit(stale.length + extra.length + missing.length ? 1 : 0);
}
mkdirSync(TO, { recursive: true });
for (const name of extra) rmSync(path.join(TO, name));
for (const name of stale) writeFileSync(path.join(TO, name), files.get(name));
