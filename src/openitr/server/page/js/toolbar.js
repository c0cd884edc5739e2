/** The line between the question and the pictures: what was found, in which order, how large. */

import { h, fill, icon } from "./dom.js";
import { collectionName, runs } from "./served.js";
import { asks, go, state } from "./state.js";
import * as size from "./size.js";

export function toolbar() {
	const said = h("p.found");
	const sort = h("select", { "aria-label": "Order", onchange: () => go({ sort: sort.value, item: 0 }) });
	const run = h("select", {
		"aria-label": "Model run",
		title: "Which run answers",
		onchange: () => go({ run: run.value, item: 0 }),
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
	let drawn = "";
	return {
		said,
		element: h("div.tools", null, slider, run, sort, filters, chat),
		say(text, took) {
			fill(said, text, took !== null && h("span.took", null, `${took < 10 ? took.toFixed(1) : Math.round(took)} ms`));
		},
		update(now) {
			filters.setAttribute("aria-expanded", String(now.panel === "filters"));
			chat.setAttribute("aria-expanded", String(now.panel === "chat"));
			sort.hidden = Boolean(now.chat);
			const orders = asks(now)
				? [
						["", "Best first"],
						["date", "Newest first"],
					]
				: [
						["", "Newest first"],
						["added", "Last added"],
						["path", "By name"],
					];
			const there = runs(collectionName()).filter(({ state: condition }) => condition !== "building");
			run.hidden = there.length < 2 || !asks(now) || Boolean(now.chat);
			const shown = JSON.stringify([orders, now.sort, there, now.run]);
			if (shown === drawn) return;
			drawn = shown;
			fill(
				sort,
				orders.map(([value, text]) => h("option", { value, selected: value === now.sort }, text)),
			);
			fill(
				run,
				there.map(({ name, state: condition }) =>
					h("option", { value: condition === "active" ? "" : name, selected: now.run === name }, name),
				),
			);
		},
	};
}
