// SPDX-License-Identifier: Apache-2.0
//
// The suite is made for Node 22 and imports one function that Node 20 does not have, fs.globSync, for a
// command that is not used here. With `--import` of this file it gets an fs that has the name.

import * as fs from 'node:fs';
import { register } from 'node:module';

const source = `export * from 'node:fs';
export const globSync = () => { throw new Error('fs.globSync is of Node 22'); };`;
const hook = `export async function resolve(specifier, context, next) {
	return specifier === 'fs' && context.parentURL?.includes('/@modelcontextprotocol/conformance/')
		? { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(source)}`)}, shortCircuit: true }
		: next(specifier, context);
}`;
if (!fs.globSync)
	register(`data:text/javascript,${encodeURIComponent(hook)}`);
