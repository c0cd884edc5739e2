/** Review of duplicates: one group a row, the keeper first, the others one click from leaving the collection. */

import { get, gone, thumbnail } from "./api.js";
import { h, fill, icon } from "./dom.js";
import { removeItems } from "./actions.js";
import { collectionName, readOnly, version } from "./served.js";
import { href, state } from "./state.js";
import { announce } from "./say.js";
import { note } from "./searchview.js";
import { bytes, counted } from "./words.js";

const PAGE = 30;
const KINDS = { "": "All", copy: "Copies", near: "Near copies", similar: "Similar" };
const MEANS = {
	copy: "the same file or the same pixels",
	near: "resized, recompressed or lightly edited",
	similar: "the same scene, not the same picture",
};

/** @param {HTMLElement} root */
export function duplicatesView(root) {
	const kinds = h("div.segments", { role: "group", "aria-label": "Kind of duplicates" });
	const said = h("p.found");
	const list = h("ol.groups");
	const pager = h("nav.pager", { "aria-label": "Pages" });
	const bar = h("div.review-bar");
	const page = h(
		"div.page",
		null,
		h("header.page-head", null, h("h1", null, "Duplicates"), kinds),
		said,
		list,
		pager,
		bar,
	);
	fill(root, page);

	/** @type {Map<number, any>} marked to leave */
	const marked = new Map();
	let shown = "";
	/** @type {AbortController | null} */
	let asking = null;

	function tell() {
		const count = marked.size;
		bar.classList.toggle("review-open", count > 0);
		const saves = [...marked.values()].reduce((sum, item) => sum + (item.size ?? 0), 0);
		fill(
			bar,
			count > 0 && [
				h("p", null, counted(count, "picture"), " marked", saves ? `, ${bytes(saves)}` : ""),
				h("button.plain", { type: "button", onclick: () => reset() }, "Keep all"),
				h(
					"button.button.danger",
					{ type: "button", onclick: () => leave([...marked.keys()]) },
					icon("trash"),
					"Remove from the collection",
				),
			],
		);
		for (const box of list.querySelectorAll("input[type=checkbox]")) box.checked = marked.has(Number(box.value));
	}

	function reset() {
		marked.clear();
		tell();
	}

	async function leave(ids) {
		if (await removeItems(ids)) reset();
	}

	function set(item, on) {
		if (on) marked.set(item.id, item);
		else marked.delete(item.id);
	}

	function row(group, number) {
		let keeper = typeof group.keeper === "object" ? group.keeper.id : group.keeper;
		const items = group.items;
		const cards = h("ul.group-items");
		const others = h(
			`button.plain.others${group.kind === "similar" ? "" : ".others-same"}`,
			{
				type: "button",
				onclick: () => {
					for (const item of items) set(item, item.id !== keeper);
					tell();
				},
			},
			"Mark the others",
		);
		const draw = () =>
			fill(
				cards,
				items.map((item) =>
					card(item, item.id === keeper, () => {
						keeper = item.id;
						set(item, false);
						draw();
						tell();
					}),
				),
			);
		draw();
		return h(
			"li.group",
			{ "aria-label": `Group ${number}, ${items.length} pictures` },
			h(
				"header",
				null,
				h(`span.kind.kind-${group.kind}`, null, KINDS[group.kind] ?? group.kind),
				h("span.quiet", null, MEANS[group.kind] ?? ""),
				!readOnly() && others,
			),
			cards,
		);
	}

	function card(item, keeper, keep) {
		const box = h("input", {
			type: "checkbox",
			value: item.id,
			checked: marked.has(item.id),
			disabled: keeper,
			onchange: () => {
				set(item, box.checked);
				tell();
			},
		});
		const facts = [item.width && `${item.width} × ${item.height}`, item.size && bytes(item.size)].filter(Boolean);
		const label = { type: "button", onclick: keep, "aria-label": `Keep ${item.name} instead` };
		const instead = h("button.plain", label, "Keep this");
		const remove = h("label", null, box, "Remove");
		return h(
			`li.card${keeper ? ".card-keeper" : ""}`,
			null,
			h(
				"a",
				{ href: href({ item: item.id }), "data-go": "" },
				h("img", { src: thumbnail(item.id, state().collection), alt: item.name, loading: "lazy" }),
			),
			h("p.card-name", { title: item.path }, item.path),
			h("p.quiet", null, facts.join(" · ")),
			item.why && h("p.quiet", null, item.why),
			!readOnly() &&
				h("div.card-line", null, keeper ? h("b.keeper", null, icon("check"), "Keep") : [remove, instead]),
		);
	}

	async function update(now) {
		document.title = "Duplicates – OpenITR";
		fill(
			kinds,
			Object.entries(KINDS).map(([kind, text]) => {
				const here = now.kind === kind ? "true" : null;
				return h("a", { href: href({ kind, page: 1 }), "data-go": "", "aria-current": here }, text);
			}),
		);
		const asked = JSON.stringify([now.collection, now.kind, now.page, version()]);
		if (asked === shown) return;
		shown = asked;
		marked.clear();
		asking?.abort();
		asking = new AbortController();
		page.setAttribute("aria-busy", "true");
		fill(said, "Comparing pictures …");
		try {
			const name = encodeURIComponent(collectionName());
			const found = await get(
				`collections/${name}/duplicates`,
				{ kind: now.kind, offset: (now.page - 1) * PAGE, limit: PAGE },
				asking.signal,
			);
			const pages = Math.ceil(found.total / PAGE);
			fill(
				list,
				found.groups.map((group, i) => row(group, (now.page - 1) * PAGE + i + 1)),
			);
			// Similar pictures are not the same one: those are marked group by group.
			const same = found.groups.filter((group) => group.kind !== "similar").length;
			const all = () => list.querySelectorAll(".others-same").forEach((button) => button.click());
			fill(
				said,
				found.total ? counted(found.total, "group") : "",
				same > 1 &&
					!readOnly() &&
					h("button.plain", { onclick: all }, "Mark the others in every group of copies shown"),
			);
			if (!found.total)
				fill(
					list,
					h(
						"li",
						null,
						note(
							"layers",
							"No duplicates",
							now.kind ? "None of this kind." : "Every picture here is the only one of its kind.",
						),
					),
				);
			fill(pager, pages > 1 && pagesLine(now.page, pages));
			announce(counted(found.total, "group"));
			tell();
			scrollTo(0, history.state?.y ?? 0);
		} catch (error) {
			if (gone(error)) return;
			shown = "";
			const { message, remedy } = error;
			fill(said);
			fill(list, h("li", null, note("warn", message, remedy)));
		} finally {
			page.removeAttribute("aria-busy");
		}
	}

	return { update, close: () => asking?.abort(), grid: null };
}

function pagesLine(page, pages) {
	const to = (number, text, there) =>
		there
			? h("a.button", { href: href({ page: number }), "data-go": "" }, text)
			: h("span.button.off", { "aria-hidden": "true" }, text);
	return [
		to(page - 1, "Previous", page > 1),
		h("span", null, `Page ${page} of ${pages}`),
		to(page + 1, "Next", page < pages),
	];
}
