/** What the page says aside: to screen readers quietly, to everyone in a toast. */

import { h, iconButton } from "./dom.js";

const STAY_MS = 7000;

/** For screen readers. @param {string} text */
export function announce(text) {
	const said = document.getElementById("said");
	if (said && said.textContent !== text) said.textContent = text;
}

/** @param {string} text @param {string} [remedy] */
export function toast(text, remedy = "") {
	const element = h("div.toast", null, h("p", null, text, remedy && h("small", null, remedy)));
	const away = () => element.remove();
	element.append(iconButton("close", "Dismiss", away));
	const toasts = document.getElementById("toasts");
	// A modal dialog covers everything else on the page.
	(document.querySelector("dialog[open]") ?? document.body).append(toasts);
	toasts.append(element);
	setTimeout(away, STAY_MS);
}

/** @param {unknown} error */
export function toastError(error) {
	const { message, remedy } = error;
	toast(message || String(error), remedy);
}

// A dialog that closes must not take what was said with it.
document.addEventListener("close", () => document.body.append(document.getElementById("toasts")), true);
