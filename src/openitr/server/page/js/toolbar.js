/** The line between the question and the pictures: what was found, in which order, how large. */

import { h, fill, icon, offer } from "./dom.js";
import { mayLookTwice } from "./query.js";
import { collectionName, offered, runs } from "./served.js";
import { asks, go, state } from "./state.js";
import * as size from "./size.js";

const LOOKS = { logic: "and, or, not", comclip: "who does what", cotrr: "a language model" };

export function toolbar() {
	const said = h("p.found");
	const sort = h("select", { "aria-label": "Order", onchange: () => go({ sort: sort.value, item: 0 }) });
	const run = h("select", {
		"aria-label": "Model run",
		onchange: () => go({ run: run.value, item: 0 }),
	});
	const again = h("select", {
		"aria-label": "Second look",
		onchange: () => go({ rerank: again.value, item: 0 }),
	});
	const slider = h("input.size", {
		type: "range",
		min: 0,
		max: size.SIZES.length - 1,
		step: 1,
		value: size.step(),
		"aria-label": "Size of the pictures",
		title: "Size of the pictures",
		oninput: () => size.setStep(Number(slider.value)),
	});
	const filters = h(
		"button.tool",
		{
			type: "button",
			"aria-expanded": "false",
			onclick: () => go({ panel: state().panel === "filters" ? "" : "filters" }, { replace: true }),
			"aria-label": "Filters",
		},
		icon("filter"),
		h("span", null, "Filters"),
	);
	const chat = h(
		"button.tool",
		{
			type: "button",
			"aria-expanded": "false",
			onclick: () => go({ panel: state().panel === "chat" ? "" : "chat", item: 0 }),
		},
		icon("chat"),
		h("span", null, "Chat"),
	);
	return {
		said,
		element: h("div.tools", null, slider, run, again, sort, filters, chat),
		say(text, took) {
			fill(said, text, took !== null && h("span.took", null, `${took < 10 ? took.toFixed(1) : Math.round(took)} ms`));
		},
		update(now) {
			filters.setAttribute("aria-expanded", String(now.panel === "filters"));
			chat.setAttribute("aria-expanded", String(now.panel === "chat"));
			sort.hidden = Boolean(now.chat);
			const plain = { "": "Newest first", added: "Last added", path: "By name" };
			const orders = Object.entries(asks(now) ? { "": "Best first", date: "Newest first" } : plain);
			const there = runs(collectionName()).filter(({ state: condition }) => condition !== "building");
			run.hidden = there.length < 2 || !asks(now) || Boolean(now.chat);
			const looks = offered("rerankers");
			again.hidden = !looks.length || !mayLookTwice(now);
			offer(sort, orders, now.sort);
			offer(again, [["", "Look once"], ...looks.map((name) => [name, `Look twice: ${LOOKS[name] ?? name}`])], now.rerank);
			offer(run, there.map(({ name, state: condition }) => [condition === "active" ? "" : name, name]), now.run);
		},
	};
}
