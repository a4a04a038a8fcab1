// SPDX-License-Identifier: Apache-2.0
//
// Files: up to the server while the message is being written, and down again. What stands in an
// entry is for showing; the message carries the ids that the server gave. Downloads need the
// session's token in a header, so they are fetched and handed to the browser as a blob.

const MANY = 5; // with one message; the server allows no more

/** 4 minutes, in the visitor's language. */
export const measure = (lang, unit, n) => new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'long' }).format(n);

/** 2.5 megabytes; rather less, for it is said of limits too. */
export const size = (lang, bytes) => measure(lang, 'megabyte', Math.floor(bytes / 1e5) / 10 || 0.1);

/** image/jpeg -> JPEG */
export const kinds = (types) => types.join(', ').replace(/\w+\//g, '').replace('plain', 'txt').toUpperCase();

export class Uploads {
	#to; #changed; #made = 0;
	entries = []; // {key, name, bytes, part (0 to 1), attachment: the id, bad}

	/** to(name) -> [url, headers]; changed(): something to show. */
	constructor(to, changed) {
		this.#to = to;
		this.#changed = changed;
	}

	get busy() {
		return this.entries.some((entry) => !entry.attachment && !entry.bad);
	}

	/** Files of the visitor, against what the server told: {bytes, types}. */
	add(files, { bytes, types }) {
		for (const file of files) {
			const entry = { key: this.#made++, name: file.name, bytes: file.size, part: 0 };
			this.entries.push(entry);
			entry.bad = this.entries.length > MANY || file.size > bytes || (file.type && !types.includes(file.type));
			if (!entry.bad) this.#send(entry, file);
		}
		this.#changed();
	}

	remove(entry) {
		entry.xhr?.abort();
		this.entries = this.entries.filter((other) => other !== entry);
		this.#changed();
	}

	/** What the next message carries; it leaves. */
	take() {
		const done = this.entries.filter((entry) => entry.attachment);
		this.entries = this.entries.filter((entry) => !entry.attachment);
		return done;
	}

	#send(entry, file) {
		const [url, headers] = this.#to(entry.name);
		const xhr = (entry.xhr = new XMLHttpRequest()); // fetch does not tell how far it is
		xhr.open('POST', url);
		for (const name in headers) xhr.setRequestHeader(name, headers[name]);
		xhr.upload.onprogress = ({ loaded, total }) => {
			entry.part = loaded / total;
			this.#changed();
		};
		xhr.responseType = 'json';
		xhr.onload = xhr.onerror = () => {
			if (xhr.status === 201) Object.assign(entry, xhr.response);
			entry.bad = !entry.attachment;
			this.#changed();
		};
		xhr.send(file);
	}
}

/** Fetches and gives it to the visitor as a file. Throws if it cannot be had. */
export async function download(url, headers, name) {
	const answer = await fetch(url, { headers, credentials: 'omit' });
	if (!answer.ok) throw new Error(answer.status);
	const link = document.createElement('a');
	link.href = URL.createObjectURL(await answer.blob());
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
