// SPDX-License-Identifier: Apache-2.0
//
// Makes channels/web/widget/dist of the sources: the loader, everything behind it as one file, and a file per
// language, minified. `node channels/web/build.mjs` after `npm ci` in tests/; with --check nothing is
// written: it says what would change or what a language lacks, and fails if there is any. Nothing here is served.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FROM = path.join(HERE, 'widget');
const TO = path.join(FROM, 'dist');
const BANNER = '// SPDX-License-Identifier: Apache-2.0\n';

let esbuild;
try {
	esbuild = createRequire(path.join(HERE, '..', '..', 'tests', 'package.json'))('esbuild');
} catch {
	console.log('SKIP esbuild is not installed: npm ci in tests/');
	process.exit(0);
}

const options = { minify: true, target: 'esnext', charset: 'utf8', legalComments: 'none' };

/* Style sheets stand in the code as marked literals. */
function squeezed(code) {
	return code.replace(/\/\* css \*\/ `([^`]*)`/g, (all, css) => JSON.stringify(esbuild.transformSync(css, { ...options, loader: 'css' }).code.trim()));
}

const source = (name) => squeezed(readFileSync(path.join(FROM, name), 'utf8'));
const plugin = { name: 'css', setup: (build) => build.onLoad({ filter: /\.js$/ }, ({ path: file }) => ({ contents: source(path.basename(file)), loader: 'js' })) };

async function built() {
	const files = new Map([['baton-chat.js', esbuild.transformSync(source('baton-chat.js'), { ...options, format: 'esm' }).code]]);
	const { outputFiles } = await esbuild.build({ ...options, entryPoints: [path.join(FROM, 'panel.js')], bundle: true, format: 'esm', write: false, external: ['./messages.*.js'], plugins: [plugin] });
	files.set('panel.js', outputFiles[0].text);
	for (const name of readdirSync(FROM).filter((file) => /^messages\.\w+\.js$/.test(file))) files.set(name, esbuild.transformSync(source(name), { ...options, format: 'esm' }).code);
	return files;
}

const read = (name) => {
	try {
		return readFileSync(path.join(TO, name), 'utf8');
	} catch {
		return null;
	}
};

const files = await built();
const stale = [...files].filter(([name, code]) => read(name) !== BANNER + code).map(([name]) => name);
const extra = readdirSync(TO, { withFileTypes: true }).map((entry) => entry.name).filter((name) => name.endsWith('.js') && !files.has(name));

/* Languages that lack a sentence, have one more, or forget what is to be filled in. */
async function untranslated() {
	const { en } = await import(path.join(FROM, 'messages.js'));
	const holes = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
	const found = [];
	for (const name of files.keys()) {
		if (!name.startsWith('messages.')) continue;
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
for (const name of stale) writeFileSync(path.join(TO, name), BANNER + files.get(name));
