// SPDX-License-Identifier: Apache-2.0
//
// The suggestions of the demonstration page send themselves into the chat. An embedder needs none
// of this: the element works alone.

for (const chip of document.querySelectorAll('.chips button')) {
	chip.addEventListener('click', async () => {
		await customElements.whenDefined('baton-chat');
		const chat = document.querySelector('baton-chat');
		chat.open();
		chat.send(chip.textContent);
	});
}
