/** Ways to narrow a question down, made of what it found, and hints where its words are not understood. */

import { post } from "./api.js";
import { h, fill, icon } from "./dom.js";
import { href, state } from "./state.js";

const SETTLED_MS = 700;
const MOST = 6;
const KEPT = 30;

/** Answers by question, null where there was none: a hint is not worth asking for twice. */
const known = new Map();

export function suggestions() {
	const element = h("nav.suggest", { "aria-label": "Narrow down", hidden: true });
	let timer = 0;
	let asked = "";
	let worth = false;
	/** @type {AbortController | null} */
	let asking = null;

	function draw(found) {
		const now = state();
		const link = (q, ...said) => h("a", { href: href({ q, rest: false, item: 0 }), "data-go": "" }, said);
		const narrows = ({ query, added }) => added.length && query !== now.q.trim();
		const better = worth && !found?.language ? (found?.suggestions ?? []).filter(narrows) : [];
		const hints = found && [
			found.did_you_mean && h("p", null, "Did you mean ", link(found.did_you_mean, found.did_you_mean), "?"),
			found.advice && h("p", null, `${found.advice[0].toUpperCase()}${found.advice.slice(1)}.`),
		];
		// Room is kept for what comes a moment later: pictures must not move under the hand.
		element.hidden = !worth && !hints?.some(Boolean);
		fill(
			element,
			hints,
			better.length > 0 &&
				h(
					"ul",
					null,
					h("li", { "aria-hidden": "true" }, icon("narrow")),
					better.slice(0, MOST).map(({ query }) => h("li", null, link(query, query))),
				),
		);
	}

	async function ask(key, now) {
		asking?.abort();
		asking = new AbortController();
		const { collection, where, run } = now;
		const there = { ...(where.length && { where }), ...(run && { run }), ...(collection && { collection }) };
		const body = { text: now.q.trim(), ...there };
		let found = null;
		try {
			found = await post("suggest", body, asking.signal);
		} catch (error) {
			// Nobody asked for hints; that there are none needs no words. A server that is busy may have some later.
			if (error.name === "AbortError" || error.status === 503 || error.status === 429) return;
		}
		known.set(key, found);
		if (known.size > KEPT) known.delete(known.keys().next().value);
		if (asked === key) draw(found);
	}

	return {
		element,
		/**
		 * @param {import("./state.js").State} now
		 * @param {number} version of the collection
		 * @param {boolean} found whether there is anything to narrow down
		 */
		update(now, version, found) {
			const plain = now.q.trim().length > 1 && !(now.image.length || now.add.length || now.chat);
			const key = plain ? JSON.stringify([now.collection, now.q.trim(), now.where, now.run, version]) : "";
			if (key === asked && worth === (found && key !== "")) return;
			asked = key;
			worth = found && key !== "";
			clearTimeout(timer);
			draw(known.get(key) ?? null);
			if (key && !known.has(key)) timer = setTimeout(ask, SETTLED_MS, key, now);
		},
	};
}
