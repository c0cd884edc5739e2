/** The wall of pictures: everything there is, or the answer to a question. */

import { h, fill, icon } from "./dom.js";
import { gone } from "./api.js";
import { Grid } from "./grid.js";
import { BrowseList, HitList, TalkList } from "./lists.js";
import { chipLine } from "./chips.js";
import { collectionName, served, session, version } from "./served.js";
import { asks, go, href, state } from "./state.js";
import { inWords, key, unweighed } from "./query.js";
import { announce, toastError } from "./say.js";
import { toolbar } from "./toolbar.js";
import { counted } from "./words.js";

const SLOW_MS = 150;
const NEAR_END = 1500;
const KEPT = 8;
const FEW = 5;

/** Answers that were seen lately, so that "back" is instant. */
const kept = new Map();

/** @param {HTMLElement} root */
export function searchView(root) {
	const chips = chipLine({ changes: false });
	const different = fetched(async () => (await import("./different.js")).differentForm());
	const panel = fetched(async () => (await import("./filters.js")).filterPanel());
	const narrow = fetched(async () => (await import("./suggest.js")).suggestions());
	const tools = toolbar();
	const notice = h("div.notice-place");
	const notes = h("ul.remarks");
	const host = h("div");
	const more = h("button.more", { type: "button", hidden: true, onclick: () => go({ rest: true }, { replace: true }) });
	const above = h("div.above", null, tools.said, chips.element, different.element, tools.element);
	const wall = h("div.wall", null, above, narrow.element, notes, notice, host, more);
	fill(root, wall, panel.element);

	const grid = new Grid(host, {
		open: (item) => go({ item: item.id }),
		href: (item) => href({ item: item.id }),
		collection: () => state().collection,
		near: (distance) =>
			distance < NEAR_END && list instanceof HitList && (state().rest || list.poor || endsInBand(list)) && list.more(),
	});
	/** @type {BrowseList | HitList | null} */
	let list = null;
	let shown = "";
	let weighed = "";
	/** @type {{update: (now: any) => void} | null} what talks, once somebody wanted to */
	let chat = null;

	async function converse(now) {
		if (now.panel === "chat" && !chat) {
			const { chatPanel, pointing } = await import("./chat.js");
			if (!chat) {
				pointing(host);
				chat = chatPanel(root);
			}
		}
		chat?.update(state());
	}

	/** Whether what is loaded ends before the unlikely ones begin. */
	function endsInBand(hits) {
		return hits.hits.at(-1)?.bucket !== "rest";
	}

	function changed(error) {
		if (error) toastError(error);
		if (list) draw(list, false);
	}

	function draw(from, fresh, slid = false) {
		const now = state();
		const blocks = from instanceof HitList ? from.blocks(now.rest) : from.blocks();
		const inside = host.contains(document.activeElement);
		if (slid) grid.rerank(blocks);
		else if (fresh) grid.show(blocks);
		else grid.refresh(blocks);
		if (fresh && inside) grid.focus(0);
		const hits = from instanceof HitList ? from : null;
		const unseen = hits && !hits.poor && !now.rest ? hits.bands.rest.length : 0;
		more.hidden = !unseen;
		if (hits && unseen) more.textContent = "Show the unlikely ones too";
		host.hidden = !blocks.length;
		fill(notes, hits && !now.chat && hits.notes.map((said) => h("li", null, said)));
		explain(from);
		if (fresh) narrow.update(now.q !== "", now, version(), Boolean(hits && !hits.poor && hits.hits.length > FEW));
		tools.say(hits ? hits.inWords() : counted(from.total, "picture"), hits ? hits.took : null);
		if (fresh) announce(hits ? hits.inWords() : counted(from.total, "picture"));
		document.title = asks(now) ? `${inWords(now)} – OpenITR` : "OpenITR";
	}

	/** Say what an empty or an unsure answer means. */
	function explain(from) {
		const now = state();
		if (!from.total && !now.where.length && !served().length) {
			const remedy = "Start the server with the name of one: openitr serve photos";
			fill(notice, note("database", "No collection is served", remedy));
		} else if (!from.total && now.where.length) {
			fill(
				notice,
				note(
					"filter",
					"No picture passes these filters",
					"Take one out, or widen it.",
					h("button", { type: "button", onclick: () => go({ where: [] }) }, "Clear the filters"),
				),
			);
		} else if (!from.total) {
			fill(
				notice,
				note(
					"picture",
					"No pictures here yet",
					"Index a folder: openitr index ~/Pictures --into " + collectionName(),
					h("a.button", { href: href({ view: "collection" }), "data-go": "" }, "See the collection"),
				),
			);
		} else if (from instanceof HitList && !from.bands.likely.length && !now.chat) {
			const tail = from.bands.maybe.length
				? "The closest ones are below; they may or may not be it."
				: "Below are the nearest there are, so that you can judge for yourself.";
			fill(notice, note("search", "Nothing here is likely to be that", tail));
		} else fill(notice);
	}

	async function update(now) {
		chips.update(now);
		different.update(now.image.length > 0, now);
		chips.element.hidden = Boolean(now.chat);
		converse(now);
		tools.update(now);
		panel.update(now.panel === "filters", now, collectionName(), version());
		const asked = `${asks(now) ? "" : "all "}${key(now)} ${version()}`;
		if (asked === shown) {
			if (list instanceof HitList && list.hits.length) draw(list, false);
			return;
		}
		// The same question with other weights: pictures move to their new places, and nothing else does.
		const question = `${unweighed(now)} ${version()}`;
		const slid = shown !== "" && asks(now) && weighed === question;
		if (slid) kept.delete(shown);
		shown = asked;
		weighed = question;
		if (list && !kept.has(keyOf(list))) list.close();
		const seen = kept.get(asked);
		if (seen) {
			list = seen;
			seen.changed = changed;
			draw(seen, true, slid);
			if (!slid) scrollTo(0, history.state?.y ?? 0);
			return;
		}
		const next = new (now.chat ? TalkList : asks(now) ? HitList : BrowseList)(now, changed);
		Object.assign(next, { asKey: asked });
		list = next;
		const slow = setTimeout(() => wall.classList.add("busy"), SLOW_MS);
		wall.setAttribute("aria-busy", "true");
		try {
			await next.begin();
			if (list !== next) return;
			keep(asked, next);
			draw(next, true, slid);
			chat?.update(state());
			if (!slid) scrollTo(0, history.state?.y ?? 0);
		} catch (error) {
			if (list !== next || gone(error)) return;
			shown = "";
			grid.show([]);
			host.hidden = true;
			more.hidden = true;
			fill(notes);
			tools.say("", null);
			narrow.update(false, now, version(), false);
			const { message, remedy, status } = error;
			const again = () => update(state());
			if (status !== 401 || session().signed_in)
				fill(notice, note("warn", message, remedy, h("button", { type: "button", onclick: again }, "Try again")));
			announce(message);
		} finally {
			if (list === next) {
				clearTimeout(slow);
				wall.classList.remove("busy");
				wall.removeAttribute("aria-busy");
			}
		}
	}

	const keyOf = (one) => one.asKey;

	return {
		update,
		close() {
			grid.close();
			document.body.classList.remove("with-filters");
		},
		grid,
	};
}

/** A part of the view that is fetched when it is first needed. @param {() => Promise<any>} load */
function fetched(load) {
	const element = h("div", { hidden: true });
	let part = null;
	let coming = false;
	let last = [];
	return {
		element,
		async update(needed, ...given) {
			last = given;
			if (part) part.update(...given);
			if (part || coming || !needed) return;
			coming = true;
			part = await load();
			element.replaceWith(part.element);
			part.update(...last);
		},
	};
}

function keep(asked, list) {
	kept.set(asked, list);
	const [oldest] = kept.keys();
	if (kept.size > KEPT) kept.delete(oldest);
}

/** Forget every answer: the collection has changed. */
export function forget() {
	kept.clear();
}

/** @param {any} sign @param {string} title @param {string} text @param {...any} more */
export function note(sign, title, text, ...more) {
	return h(
		"div.note",
		null,
		icon(sign),
		h("div", null, h("p.note-title", null, title), text && h("p", null, text), more),
	);
}
