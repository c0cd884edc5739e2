/** Two runs side by side on the same question. */

import { gone, post, thumbnail } from "./api.js";
import { h, fill, offer } from "./dom.js";
import { chipLine } from "./chips.js";
import { body } from "./query.js";
import { collectionName, runs, version } from "./served.js";
import { asks, go, href, state } from "./state.js";
import { announce } from "./say.js";
import { key } from "./query.js";
import { note } from "./searchview.js";
import { percent } from "./words.js";

const SHOWN = 40;

/** @param {HTMLElement} root */
export function compareView(root) {
	const chips = chipLine();
	const said = h("p.found");
	const sides = [side("run"), side("versus")];
	const [one, other] = sides.map(({ element }) => element);
	const columns = h("div.compare", null, one, other);
	const notice = h("div");
	const head = h("header.page-head", null, h("h1", null, "Compare two models"));
	fill(root, h("div.page.page-wide", null, head, h("div.above", null, said, chips.element), notice, columns));
	let shown = "";
	/** @type {AbortController | null} */
	let asking = null;

	async function update(now) {
		document.title = "Compare – OpenITR";
		chips.update(now);
		const there = runs(collectionName()).filter((one) => one.state !== "building");
		const asked = JSON.stringify([key(now), now.versus, version()]);
		if (asked === shown) return;
		shown = asked;
		asking?.abort();
		asking = new AbortController();
		const { signal } = asking;
		columns.hidden = there.length < 2 || !asks(now);
		fill(said);
		if (there.length < 2) {
			const way = h("a.button", { href: href({ view: "collection" }), "data-go": "" }, "See the collection");
			const remedy = "Index with another one first; the present one answers meanwhile.";
			fill(notice, note("columns", "There is one model here only", remedy, way));
			return;
		}
		const active = there.find((one) => one.state === "active") ?? there[0];
		const left = now.run || active.name;
		const right = now.versus || there.find((one) => one.name !== left).name;
		sides[0].choose(there, left);
		sides[1].choose(there, right);
		if (!asks(now)) {
			const text = "Both models get the same question; the places they agree on are joined by number.";
			fill(notice, note("search", "Ask something", text));
			return;
		}
		fill(notice);
		columns.setAttribute("aria-busy", "true");
		try {
			const [one, other] = await Promise.all(
				[left, right].map((run) => post("search", body(now, { k: SHOWN, run }), signal)),
			);
			sides[0].show(one.hits, other.hits);
			sides[1].show(other.hits, one.hits);
			const first = (hits) => new Set(hits.slice(0, 10).map(({ id }) => id));
			const both = [...first(one.hits)].filter((id) => first(other.hits).has(id)).length;
			const text = `${both} of the first ${Math.min(10, one.hits.length)} are the same`;
			fill(said, text);
			announce(text);
		} catch (error) {
			if (gone(error)) return;
			shown = "";
			columns.hidden = true;
			const { message, remedy } = error;
			fill(notice, note("warn", message, remedy));
		} finally {
			columns.removeAttribute("aria-busy");
		}
	}

	return { update, close: () => asking?.abort(), grid: null };
}

/** One column. */
function side(name) {
	const select = h("select", {
		"aria-label": name === "run" ? "Left model" : "Right model",
		onchange: () => go({ [name]: select.value }),
	});
	const counts = h("p.quiet");
	const list = h("ol.ranks");
	return {
		element: h("section", null, h("header", null, select, counts), list),
		choose(there, now) {
			offer(select, there.map(({ name, spec }) => [name, name === spec ? name : `${name} (${spec})`]), now);
		},
		show(hits, others) {
			const places = new Map(others.map(({ id }, i) => [id, i + 1]));
			const likely = hits.filter(({ bucket }) => bucket === "likely").length;
			fill(counts, `${likely} of ${hits.length} likely`);
			fill(
				list,
				hits.map((hit, i) => {
					const place = places.get(hit.id);
					const moved = place === undefined ? "only here" : place === i + 1 ? "same place" : `${place} there`;
					return h(
						`li.rank.rank-${hit.bucket}`,
						null,
						h(
							"a",
							{
								href: href({ item: hit.id }),
								"data-go": "",
								"aria-label": `${i + 1}: ${hit.name}, ${percent(hit.probability)}, ${moved}`,
							},
							h("img", { src: thumbnail(hit.id, state().collection), alt: "", loading: "lazy" }),
						),
						h("p", null, h("b", null, String(i + 1)), h("span", null, percent(hit.probability))),
						h(`p.moved${place === undefined ? ".moved-only" : ""}`, null, moved),
					);
				}),
			);
		},
	};
}
