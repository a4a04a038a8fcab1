// SPDX-License-Identifier: Apache-2.0
//
// Starts the official suite in a third of the time: node suite.cjs ARGUMENT... is its own command line. To load it
// and what it imports takes more than a second, which each scenario would spend; so make() has all of it put into one
// file, once for each version, and what V8 has compiled of it is kept as well. `import.meta.url` stays that of the
// suite's own file, beside which it looks for its requirements.
//
// The suite is made for Node 22 and takes one function that Node 20 does not have, fs.globSync, for a command that
// is not used here. As a CommonJS file it may be missing.

'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');

const own = path.join(__dirname, '../node_modules/@modelcontextprotocol/conformance');
const { version } = JSON.parse(fs.readFileSync(path.join(own, 'package.json'), 'utf8'));
const file = path.join(__dirname, `../node_modules/.cache/baton/conformance-${version}.cjs`);
const compiled = `${file}.${process.version}`;

function write(to, bytes) {
	fs.writeFileSync(`${to}.${process.pid}`, bytes);
	fs.renameSync(`${to}.${process.pid}`, to); // whole or not at all
}

exports.make = () => {
	if (fs.existsSync(file) && fs.existsSync(compiled))
		return;
	const index = path.join(own, 'dist/index.js');
	const { outputFiles: [{ text }] } = require('esbuild').buildSync({
		entryPoints: [index], bundle: true, write: false, platform: 'node', format: 'cjs', logLevel: 'error',
		define: { 'import.meta.url': 'suite_url' }, banner: { js: `const suite_url = ${JSON.stringify(pathToFileURL(index).href)};` },
	});
	fs.mkdirSync(path.dirname(file), { recursive: true });
	write(file, text.replace(/^#!.*\n/m, ''));
	fs.rmSync(compiled, { force: true });
	spawnSync(process.execPath, [__filename, '--version']); // leaves what was compiled
};

if (require.main === module) {
	const cachedData = fs.existsSync(compiled) ? fs.readFileSync(compiled) : undefined;
	const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) { ${fs.readFileSync(file, 'utf8')}\n})`, { filename: file, cachedData });
	if (!cachedData)
		process.on('exit', () => write(compiled, script.createCachedData()));
	script.runInThisContext()(module.exports, require, module, file, path.dirname(file));
}
