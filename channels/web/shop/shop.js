// SPDX-License-Identifier: Apache-2.0
//
// The demonstration's pages. An embedder needs none of this: the element works alone. What is here: the
// suggestions send themselves into the chat; the order page tells the chat which order is open; and the bar
// at the top, which exists only where `baton demo` serves, turns the model off and signs a customer in.

const VERA = 'shop:vera';
const LOOK_EVERY_MS = 2000, LOOK_SOON_MS = 150;
const $ = (id) => document.getElementById(id);
let model = null;
let looks = 0;

async function chat() {
	await customElements.whenDefined('baton-chat');
	return document.querySelector('baton-chat');
}

for (const chip of document.querySelectorAll('.chips button')) {
	chip.addEventListener('click', async () => {
		const element = await chat();
		element.open();
		element.send(chip.textContent);
	});
}

const { order } = document.querySelector('main').dataset;
if (order) chat().then((element) => element.setAttributes?.({ page: 'order', order }));

// --- the bar --------------------------------------------------------------------------------------

async function look() {
	const mine = ++looks;
	try {
		const answer = await fetch('/v1/demo', { cache: 'no-store' });
		if (answer.status === 404) return false;
		if (answer.ok && mine === looks) draw(await answer.json());
	} catch {
		// The server is down; that is shown by the chat, and it comes back.
	}
	return true;
}

function draw(now) {
	if (model?.on === now.on) return;
	const first = !model;
	model = now;
	$('demo-switches').hidden = false;
	$('demo-model').textContent = now.on ? 'Turn the model off' : 'Turn the model on';
	$('demo-model').setAttribute('aria-pressed', String(now.on));
	document.querySelector('.demo').classList.toggle('off', !now.on);
	if (now.on) say(first ? '' : 'The model is on again.');
	else say('The model is off. Ask about delivery: a substitute answers, and says so. About a refund: a person gets it. About your password: it is kept until the model is back.');
}

function say(text) {
	$('demo-state').textContent = text;
}

/** The server does it in a moment: look until it has. */
async function turn() {
	const wanted = !model.on;
	$('demo-model').disabled = true;
	await fetch(`/v1/demo/model/${wanted ? 'on' : 'off'}`, { method: 'POST' }).catch(() => {});
	for (let i = 0; i < 40 && model.on !== wanted; i++) {
		await look();
		if (model.on !== wanted) await new Promise((go) => setTimeout(go, LOOK_SOON_MS));
	}
	$('demo-model').disabled = false;
}

/** As a shop does it: its server signs for whoever is logged in, the page hands that to the chat. */
async function signIn() {
	const answer = await fetch('/v1/demo/vera', { method: 'POST' });
	if (!answer.ok) return;
	const { identity } = await answer.json();
	sessionStorage.setItem(VERA, 'yes');
	drawVera();
	(await chat()).identify?.({ token: identity });
}

async function signOut() {
	sessionStorage.removeItem(VERA);
	drawVera();
	await (await chat()).logout?.();
}

function drawVera() {
	const signed = sessionStorage.getItem(VERA) !== null;
	$('demo-vera').textContent = signed ? 'Vera, VIP: sign out' : 'Sign in as Vera, a VIP';
	$('demo-vera').setAttribute('aria-pressed', String(signed));
}

if (await look()) {
	drawVera();
	if (sessionStorage.getItem(VERA) !== null) signIn();
	$('demo-model').addEventListener('click', turn);
	$('demo-vera').addEventListener('click', () => (sessionStorage.getItem(VERA) === null ? signIn() : signOut()));
	setInterval(() => document.hidden || look(), LOOK_EVERY_MS);
}
