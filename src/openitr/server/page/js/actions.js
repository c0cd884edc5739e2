/** What can be done with pictures: export, copy their paths, take them out of the collection. */

import { post, postForFile } from "./api.js";
import { h } from "./dom.js";
import { collectionName, rootName, touched } from "./served.js";
import { forget } from "./searchview.js";
import { state } from "./state.js";
import { toast, toastError } from "./say.js";
import { counted } from "./words.js";
import * as selection from "./selection.js";

const MOST_EXPORTED = 2000;

let again = () => {};

/** What shows the collection anew after a change. @param {() => void} then */
export function onTouched(then) {
	again = then;
}

/** Everything on the page is asked anew. */
export async function refresh() {
	forget();
	await touched();
	again();
}

/** @param {{root: number, path: string}[]} items */
export async function copyPaths(items) {
	const text = items.map(({ root, path }) => [rootName(root), path].filter(Boolean).join("/")).join("\n");
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		// Without https the clipboard can only be reached through a field of text.
		const field = h("textarea.unseen", { "aria-hidden": "true" });
		field.value = text;
		(document.querySelector("dialog[open]") ?? document.body).append(field);
		field.select();
		document.execCommand("copy");
		field.remove();
	}
	toast(`${counted(items.length, "path")} copied.`);
}

/** Download originals and what is known of them as one zip. @param {number[]} ids */
export async function exportItems(ids) {
	if (ids.length > MOST_EXPORTED) {
		toast(`At most ${MOST_EXPORTED} pictures fit into one export.`, "Select fewer, or use openitr export.");
		return;
	}
	try {
		const { collection } = state();
		const file = await postForFile("items/export", { ids, ...(collection && { collection }) });
		const link = h("a", { href: URL.createObjectURL(file), download: `${collectionName() || "pictures"}.zip` });
		link.click();
		setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
	} catch (error) {
		toastError(error);
	}
}

/** Ask, then take pictures out of the collection; the files stay. @param {number[]} ids @returns {Promise<boolean>} */
export async function removeItems(ids) {
	const sure = await ask(
		`Remove ${counted(ids.length, "picture")} from the collection?`,
		"The files stay where they are on disk. Indexing the folder again brings them back.",
		"Remove",
	);
	if (!sure) return false;
	try {
		const { collection } = state();
		const { removed } = await post("items/remove", { ids, ...(collection && { collection }) });
		selection.drop(ids);
		toast(`${counted(removed, "picture")} removed from the collection.`);
		await refresh();
		return true;
	} catch (error) {
		toastError(error);
		return false;
	}
}

/** @param {string} question @param {string} text @param {string} yes @returns {Promise<boolean>} */
export function ask(question, text, yes) {
	return new Promise((resolve) => {
		const dialog = h("dialog.asks", { "aria-labelledby": "asks-title" });
		const answer = (sure) => {
			dialog.close();
			dialog.remove();
			resolve(sure);
		};
		dialog.append(
			h("h2", { id: "asks-title" }, question),
			h("p", null, text),
			h(
				"div.asks-line",
				null,
				h("button.plain", { type: "button", onclick: () => answer(false) }, "Cancel"),
				h("button.button.danger", { type: "button", onclick: () => answer(true) }, yes),
			),
		);
		dialog.addEventListener("cancel", (event) => {
			event.preventDefault();
			answer(false);
		});
		document.body.append(dialog);
		dialog.showModal();
	});
}
