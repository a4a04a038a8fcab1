// SPDX-License-Identifier: Apache-2.0
//
// Signed tokens as an embedder's backend makes them, with Node's crypto alone. `header` and `claims`
// override members; a member that is undefined is left out.

import { createHmac, sign as signWith } from 'node:crypto';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
export const now = () => Math.floor(Date.now() / 1000);

export function jwt({ key, kid, alg = 'HS256', claims = {}, header = {} }) {
	const head = part({ alg, kid, typ: 'JWT', ...header });
	const body = part({ iat: now(), exp: now() + 300, ...claims });
	const input = `${head}.${body}`;
	const signature = alg === 'HS256' ? createHmac('sha256', key).update(input).digest()
		: signWith('sha256', Buffer.from(input), alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : key);
	return `${input}.${signature.toString('base64url')}`;
}

export const identifierHash = (secret, id) => createHmac('sha256', secret).update(id).digest('hex');
