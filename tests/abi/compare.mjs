// SPDX-License-Identifier: Apache-2.0
//
// What lies between two locks. Modules are compiled once and meet later servers, so hardly anything may:
// a new struct, enumerator or macro, and members at the end of a struct that says its size, in a new
// minor. The size of a struct is not asked whether something is at the end: an insertion may vanish in
// padding, and an appended member that fits into the padding of the end cannot be told from an old
// module's rubbish.

/** {abi: [major, minor], structs: Map(name -> {size, members: [{name, offset, size, type}]}), values: Map} */
export function parse(text) {
	const lock = { abi: [0, 0], structs: new Map(), values: new Map() };
	let struct = null;
	for (const line of text.split('\n')) {
		const member = /^\t(\d+) (\d+) (\S+): (.*)$/.exec(line);
		const head = /^struct (\w+) size (\d+) align (\d+)$/.exec(line);
		const value = /^(enum|macro) (\w+) (.*)$/.exec(line);
		const abi = /^abi (\d+)\.(\d+)$/.exec(line);
		if (member)
			struct.members.push({ offset: Number(member[1]), size: Number(member[2]), name: member[3], type: member[4] });
		else if (head)
			lock.structs.set(head[1], struct = { size: Number(head[2]), align: Number(head[3]), members: [] });
		else if (value)
			lock.values.set(value[2], value[3]);
		else if (abi)
			lock.abi = [Number(abi[1]), Number(abi[2])];
	}
	return lock;
}

// Who may grow says how large it is. baton_module has its magic before it; baton_note its descsz.
const says = (struct) => struct.members.slice(0, 2).some(({ name, type }) => name === 'size' && type === 'uint32_t');

function compareMembers(name, old, now, found) {
	const later = new Map(now.members.map((member) => [member.name, member]));
	for (const was of old.members) {
		const is = later.get(was.name);
		later.delete(was.name);
		if (!is)
			found.broken.push(`${name}.${was.name} is gone; a module reads and writes it at ${was.offset}`);
		else if (is.offset !== was.offset)
			found.broken.push(`${name}.${was.name} moved from ${was.offset} to ${is.offset}${old.size === now.size ? `, though sizeof is still ${now.size}: something was put into padding` : ''}`);
		else if (is.size !== was.size)
			found.broken.push(`${name}.${was.name} had ${was.size} bytes and has ${is.size}`);
		else if (is.type !== was.type)
			found.broken.push(`${name}.${was.name} was ${was.type} and is ${is.type}`);
	}
	for (const is of later.values())
		if (!says(old))
			found.broken.push(`${name}.${is.name} is new, but ${name} does not say its size (arrays of it cross the ABI): make a new struct`);
		else if (is.offset < old.size)
			found.broken.push(`${name}.${is.name} is new at ${is.offset}, inside of the ${old.size} bytes that old modules have: append it at ${old.size} or behind`);
		else
			found.added.push(`${name}.${is.name} at ${is.offset}`);
}

/** {broken: [...], added: [...]}: what breaks modules, and what is legal in a new minor. */
export function compare(oldText, nowText) {
	const old = parse(oldText), now = parse(nowText), found = { broken: [], added: [] };
	for (const [name, was] of old.structs) {
		const is = now.structs.get(name);
		if (!is)
			found.broken.push(`struct ${name} is gone`);
		else {
			compareMembers(name, was, is, found);
			if (is.align !== was.align)
				found.broken.push(`struct ${name} was aligned to ${was.align} and is to ${is.align}`);
		}
	}
	for (const [name, was] of old.values)
		if (!now.values.has(name))
			found.broken.push(`${name} is gone`);
		else if (now.values.get(name) !== was)
			found.broken.push(`${name} was ${was} and is ${now.values.get(name)}`);
	found.added.push(...[...now.structs.keys()].filter((name) => !old.structs.has(name)).map((name) => `struct ${name}`));
	found.added.push(...[...now.values.keys()].filter((name) => !old.values.has(name)));
	const [, minor] = old.abi;
	if (now.abi[0] === old.abi[0] && now.abi[1] < minor)
		found.broken.push(`the minor went back from ${minor} to ${now.abi[1]}`);
	if (found.added.length && now.abi.join() === old.abi.join())
		found.broken.push(`legal, but a new minor: BATON_ABI_MINOR is still ${minor} and must be ${minor + 1} (${found.added.join(', ')})`);
	return found;
}
