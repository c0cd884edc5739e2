/** Filters, made from the fields that the collection itself has. */

import { get } from "./api.js";
import { h, fill, iconButton } from "./dom.js";
import { go, state } from "./state.js";
import { label, number } from "./words.js";
import { toastError } from "./say.js";

const SHOWN = 6;
const LISTED = 30;
const FIRST = ["folder", "taken_at", "camera", "format", "width", "height", "captions"];
const LAST = ["path", "name", "size", "sha256"];

/** @typedef {{name: string, kind: string, count: number, values?: {value: any, count: number}[], min?: any, max?: any}} Field */

function escaped(value) {
	return String(value).replaceAll("|", "\\|");
}

/** Values of a field that are chosen now. */
function chosen(name, where) {
	const found = where.find((one) => one.startsWith(`${name}=`));
	const values = found?.slice(name.length + 1).split(/(?<!\\)\|/) ?? [];
	return new Set(values.map((one) => one.replaceAll("\\|", "|")));
}

/** The filter list without one test of a field, and with another in its place. */
function put(start, text) {
	const kept = state().where.filter((one) => !one.startsWith(start));
	go({ where: text ? [...kept, start + text] : kept, item: 0 }, { replace: false });
}

function facet(field) {
	const now = chosen(field.name, state().where);
	const listed = field.values ?? [];
	const others = [...now].filter((one) => !listed.some(({ value }) => String(value) === one));
	const values = [...others.map((value) => ({ value, count: null })), ...listed];
	const line = ({ value, count }, i) =>
		h(
			"label.facet",
			{ hidden: i >= SHOWN && !now.has(String(value)) },
			h("input", {
				type: "checkbox",
				checked: now.has(String(value)),
				onchange: (event) => {
					const next = chosen(field.name, state().where);
					if (event.target.checked) next.add(String(value));
					else next.delete(String(value));
					put(`${field.name}=`, [...next].map(escaped).join("|"));
				},
			}),
			h("span.facet-value", { title: String(value) }, value === "" ? "(top folder)" : String(value)),
			h("span.facet-count", null, count === null ? "" : number(count)),
		);
	const lines = values.slice(0, LISTED).map(line);
	const hidden = lines.filter((one) => one.hidden).length;
	const more =
		hidden > 0 &&
		h(
			"button.plain",
			{ type: "button", onclick: () => (lines.forEach((one) => (one.hidden = false)), more.remove()) },
			`${hidden} more`,
		);
	return [lines, more];
}

/** A range of numbers or dates. */
function range(field) {
	const dated = field.kind === "date";
	const day = (value) => (dated && value ? String(value).slice(0, 10) : (value ?? ""));
	const input = (sign, word, hint) => {
		const start = field.name + sign;
		const value =
			state()
				.where.find((one) => one.startsWith(start))
				?.slice(start.length) ?? "";
		const props = dated
			? { type: "date", min: day(field.min), max: day(field.max) }
			: { type: "number", step: "any", placeholder: hint };
		return h(
			"label",
			null,
			h("span", null, word),
			h("input", {
				...props,
				value,
				"aria-label": `${label(field.name)} ${word}`,
				onchange: (event) => put(start, event.target.value),
			}),
		);
	};
	return h("div.range", null, input(">=", "from", day(field.min)), input("<=", "to", day(field.max)));
}

function wordsOf(field) {
	const start = `${field.name}~`;
	const value =
		state()
			.where.find((one) => one.startsWith(start))
			?.slice(start.length) ?? "";
	return h("input", {
		type: "search",
		value,
		placeholder: "has the words …",
		"aria-label": `${label(field.name)} has the words`,
		onchange: (event) => put(start, event.target.value.trim()),
	});
}

function section(field) {
	const values = field.values ?? [];
	const telling =
		values.length > 1 ||
		(values.length === 1 && values[0].count < field.count) ||
		chosen(field.name, state().where).size;
	/** @type {any} */
	let inside;
	if (field.kind === "number" || field.kind === "date") {
		if (field.min === field.max && !state().where.some((one) => one.startsWith(field.name))) return null;
		inside = range(field);
	} else if (["path", "name", "captions", "description"].includes(field.name) || !values.some(({ count }) => count > 1))
		inside = wordsOf(field);
	else if (telling) inside = facet(field);
	else return null;
	return h("fieldset", null, h("legend", null, label(field.name)), inside);
}

function rank({ name }) {
	if (FIRST.includes(name)) return FIRST.indexOf(name);
	return LAST.includes(name) ? 200 + LAST.indexOf(name) : 100;
}

/** The panel beside the wall. */
export function filterPanel() {
	const form = h("form", { onsubmit: (event) => event.preventDefault() });
	const element = h(
		"aside.filters",
		{ "aria-label": "Filters", hidden: true },
		h(
			"div.filters-head",
			null,
			h("h2", null, "Filters"),
			h("button.plain", { type: "button", onclick: () => go({ where: [], item: 0 }) }, "Clear all"),
			iconButton("close", "Close the filters", () => go({ panel: "" }, { replace: true })),
		),
		form,
	);
	let loaded = "";
	/** @type {Field[]} */
	let fields = [];
	let drawn = "";
	return {
		element,
		async update(now, name, version) {
			element.hidden = now.panel !== "filters";
			document.body.classList.toggle("with-filters", !element.hidden);
			if (element.hidden) return;
			if (loaded !== `${name} ${version}`) {
				loaded = `${name} ${version}`;
				drawn = "";
				try {
					fields = (await get(`collections/${encodeURIComponent(name)}/fields`)).fields;
					fields.sort((a, b) => rank(a) - rank(b));
				} catch (error) {
					loaded = "";
					toastError(error);
					return;
				}
			}
			const shown = JSON.stringify([loaded, now.where]);
			if (shown === drawn) return;
			drawn = shown;
			const held = document.activeElement?.closest("fieldset")?.querySelector("legend")?.textContent;
			const at =
				held &&
				[...(document.activeElement?.closest("fieldset")?.querySelectorAll("input") ?? [])].indexOf(
					document.activeElement,
				);
			fill(form, fields.map(section));
			if (held && typeof at === "number") {
				const again = [...form.querySelectorAll("fieldset")].find(
					(one) => one.querySelector("legend")?.textContent === held,
				);
				again?.querySelectorAll("input")[at]?.focus();
			}
			if (!form.childElementCount) fill(form, h("p.quiet", null, "These pictures have nothing to filter by."));
		},
	};
}
