// SPDX-License-Identifier: Apache-2.0
//
// Who is signed in, for the chat. Node 18 or newer, no package. The key never leaves your server.
import { createHmac } from 'node:crypto';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function customerToken({ id, name, email, tier, attrs }, key = process.env.BATON_IDENTITY_KEY) {
	const now = Math.floor(Date.now() / 1000);
	const claims = { sub: String(id), name, email, @TIER@: tier, attrs, iat: now, exp: now + 300, iss: @ISSUER@, aud: @AUDIENCE@ };
	const input = `${part({ alg: 'HS256', typ: 'JWT', kid: @KID@ })}.${part(claims)}`;
	return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}
