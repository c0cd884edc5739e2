/** What is known of a picture, and what can be asked from it. */

import { h, icon } from "./dom.js";
import { rootName } from "./served.js";
import { bytes, date, label, number } from "./words.js";
import { copyPaths } from "./actions.js";

const UNITS = { focal_length: " mm", altitude: " m", exposure: " s" };
const PLACED = ["latitude", "longitude", "taken_at", "description"];

/**
 * @param {any} item whole, as the API gives it
 * @param {{similar: () => void, but: (text: string) => void, avoid: () => void}} does
 */
export function details(item, does) {
	const captions = item.captions?.map((text) => h("p.caption", null, text)) ?? [];
	return [
		asking(does),
		captions.length > 0 && h("section", null, h("h3", null, "Captions"), captions),
		item.facts?.description &&
			h("section", null, h("h3", null, "Description"), h("p.caption", null, item.facts.description)),
		h("section", null, h("h3", null, "Facts"), table(facts(item))),
		Object.keys(item.metadata ?? {}).length
			? h(
					"section",
					null,
					h("h3", null, "Your data"),
					table(Object.entries(item.metadata).map(([name, value]) => [label(name), said(value)])),
				)
			: null,
		item.notes?.length
			? h(
					"section",
					null,
					h("h3", null, "Notes"),
					item.notes.map((text) => h("p.quiet", null, text)),
				)
			: null,
	];
}

function asking({ similar, but, avoid }) {
	const input = h("input", {
		type: "text",
		placeholder: "in red, at night …",
		maxlength: 300,
		"aria-label": "More like this, but",
	});
	const onsubmit = (event) => {
		event.preventDefault();
		if (input.value.trim()) but(input.value.trim());
		else input.focus();
	};
	return h(
		"section.asking",
		null,
		h(
			"div.asking-line",
			null,
			h("button.button", { type: "button", onclick: similar }, icon("similar"), "More like this"),
			h("button.plain", { type: "button", onclick: avoid }, icon("minus"), "Not like this"),
		),
		h(
			"form.asking-but",
			{ onsubmit },
			h("label", null, h("span", null, "More like this, but"), input),
			h("button.button", { type: "submit" }, "Ask"),
		),
	);
}

function facts(item) {
	const { facts: own = {} } = item;
	const root = rootName(item.root);
	const copy = h(
		"button.plain",
		{ type: "button", onclick: () => copyPaths([item]), "aria-label": "Copy the path" },
		icon("copy"),
	);
	const lines = [
		["Taken", own.taken_at ? date(own.taken_at) : null],
		["File", [h("span.path", null, root ? `${root}/${item.path}` : item.path), copy]],
		[
			"Picture",
			[
				item.width && `${number(item.width)} × ${number(item.height)}`,
				item.format && String(item.format).toUpperCase(),
				item.size && bytes(item.size),
			]
				.filter(Boolean)
				.join(" · "),
		],
		[
			"Place",
			typeof own.latitude === "number" ? `${own.latitude.toFixed(5)}, ${Number(own.longitude).toFixed(5)}` : null,
		],
	];
	for (const [name, value] of Object.entries(own)) {
		if (!PLACED.includes(name)) lines.push([label(name), said(value) + (UNITS[name] ?? "")]);
	}
	return lines.filter(([, value]) => value);
}

function said(value) {
	if (Array.isArray(value)) return value.join(", ");
	if (typeof value === "boolean") return value ? "yes" : "no";
	return String(value);
}

/** @param {[string, any][]} lines */
export function table(lines) {
	return h(
		"dl",
		null,
		lines.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]),
	);
}
