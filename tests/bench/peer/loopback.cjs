// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into the peer, which would listen on every interface: here it listens on loopback only.

'use strict';
const net = require('node:net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
	if (typeof args[0] === 'object' && args[0] !== null)
		args[0] = { ...args[0], host: '127.0.0.1' };
	else if (typeof args[1] === 'string')
		args[1] = '127.0.0.1';
	else
		args.splice(1, 0, '127.0.0.1');
	return listen.apply(this, args.filter((arg, i) => i !== 2 || arg !== undefined));
};
