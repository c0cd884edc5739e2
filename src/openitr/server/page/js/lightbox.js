/** One picture, large, with everything that is known of it. */

import { get, gone, original, thumbnail } from "./api.js";
import { h, fill, icon, iconButton, writes } from "./dom.js";
import { details } from "./details.js";
import { readOnly } from "./served.js";
import { go, leave, state, blank } from "./state.js";
import { announce, toastError } from "./say.js";
import { removeItems } from "./actions.js";
import * as selection from "./selection.js";
import { whyPanel } from "./why.js";

/** @typedef {import("./grid.js").Item} Item */

const SWIPE = 60;
const FACTS_SHOWN = "openitr.facts";

/** @param {{list: () => import("./grid.js").Grid | null}} does */
export function lightbox(does) {
	const stage = h("div.stage");
	const aside = h("aside.facts", { "aria-label": "About the picture", tabindex: -1 });
	const title = h("h2.viewer-name");
	const place = h("p.viewer-place");
	const back = iconButton("left", "Previous picture", () => step(-1), { class: "icon-button stage-left" });
	const next = iconButton("right", "Next picture", () => step(1), { class: "icon-button stage-right" });
	const pick = iconButton("check", "Select this picture", () => item && selection.toggle(item), {
		"aria-pressed": "false",
	});
	const facts = iconButton("info", "Facts", () => showFacts(!dialog.classList.contains("with-facts")), {
		"aria-expanded": "true",
	});
	const down = h("a.icon-button", { "aria-label": "Download", title: "Download", download: "" }, icon("download"));
	const remove = iconButton(
		"trash",
		"Remove from the collection",
		() => item && removeItems([item.id]).then((done) => done && away()),
	);
	const shut = iconButton("close", "Close", () => away());
	const dialog = h(
		"dialog.viewer",
		{ "aria-label": "Picture" },
		h("div.viewer-bar", null, h("div.viewer-title", null, title, place), pick, down, remove, facts, shut),
		h("div.viewer-body", null, h("div.stage-frame", null, back, stage, next), aside),
	);
	document.body.append(dialog);
	const why = whyPanel(stage);

	/** @type {Item | null} */
	let item = null;
	/** @type {AbortController | null} */
	let loading = null;
	let position = -1;

	function showFacts(on) {
		dialog.classList.toggle("with-facts", on);
		facts.setAttribute("aria-expanded", String(on));
		if (innerWidth > 800) localStorage.setItem(FACTS_SHOWN, on ? "1" : "0");
	}

	function away() {
		leave({ item: 0 });
	}

	async function step(way) {
		const grid = does.list();
		if (!grid || position < 0) return;
		const to = position + way;
		if (to < 0 || to >= grid.count) return;
		const neighbour = grid.at(to);
		if (!neighbour) {
			grid.want(to);
			return;
		}
		go({ item: neighbour.id }, { replace: true });
	}

	async function load(id) {
		loading?.abort();
		loading = new AbortController();
		const { signal } = loading;
		const grid = does.list();
		position = grid ? grid.find(id) : -1;
		const hit = position >= 0 && grid ? grid.at(position) : null;
		item = hit;
		const { collection } = state();
		fill(title, hit?.name ?? "");
		fill(place, "");
		picture(id, hit?.name ?? "", hit);
		arrows();
		why.forget();
		down.setAttribute("href", original(id, collection));
		remove.hidden = readOnly();
		mark();
		try {
			const whole = await get(`items/${id}`, { collection }, signal);
			item = { ...hit, ...whole, name: whole.name ?? whole.path.split("/").at(-1) };
			const shown = item;
			fill(title, shown.name);
			dialog.setAttribute("aria-label", shown.name);
			if (shown.width && shown.height) fit(stage.querySelector(".stage-picture"), shown);
			stage.querySelectorAll("img").forEach((one) => one.setAttribute("alt", alt(shown)));
			down.setAttribute("download", shown.name);
			fill(aside, details(shown, { similar, but, avoid }), why.element);
			why.show(shown, hit);
			if (position >= 0 && grid) fill(place, `${position + 1} of ${grid.count}`);
			announce(shown.name);
			ahead(grid);
		} catch (error) {
			if (gone(error)) return;
			toastError(error);
			if (error.status === 404) away();
		}
	}

	function alt(shown) {
		return shown.captions?.[0] ?? shown.facts?.description ?? shown.name;
	}

	/** The small copy at once, the large one over it when it is here. */
	function picture(id, name, hit) {
		const { collection } = state();
		const small = h("img.stage-small", { src: thumbnail(id, collection), alt: name, draggable: "false" });
		const large = h("img.stage-large", {
			src: original(id, collection),
			alt: name,
			draggable: "false",
			"aria-hidden": "true",
		});
		const frame = h("div.stage-picture", null, small, large);
		if (hit?.width && hit.height) fit(frame, hit);
		small.addEventListener(
			"load",
			() => frame.style.aspectRatio || fit(frame, { width: small.naturalWidth, height: small.naturalHeight }),
		);
		large.addEventListener("load", () => {
			fit(frame, { width: large.naturalWidth, height: large.naturalHeight });
			frame.classList.add("stage-here");
		});
		large.addEventListener("error", () => {
			large.remove();
			frame.after(h("p.stage-note", null, "The browser cannot show this format; this is the small copy."));
		});
		fill(stage, frame);
	}

	/** Size for the frame, never larger than twice what the file has. */
	function fit(frame, { width, height }) {
		frame.style.aspectRatio = `${width} / ${height}`;
		frame.style.setProperty("--ratio", String(width / height));
		frame.style.setProperty("--most", `${Math.max(320, width * 2)}px`);
	}

	/** Have the next large picture ready. */
	function ahead(grid) {
		const neighbour = grid?.at(position + 1);
		if (neighbour) new Image().src = original(neighbour.id, state().collection);
		else grid?.want(position + 1);
	}

	function arrows() {
		const grid = does.list();
		back.disabled = position <= 0;
		next.disabled = !grid || position < 0 || position >= grid.count - 1;
	}

	function mark() {
		const on = item ? selection.has(item.id) : false;
		pick.setAttribute("aria-pressed", String(on));
	}
	selection.onChange(mark);

	/** While a conversation is shown, pointing at a picture is a step of it. */
	async function point(step) {
		(await import("./chat.js")).talk(step);
	}

	function similar() {
		if (item && state().chat) point({ like: item.id });
		else if (item) go({ ...blank(state()), image: [{ ref: String(item.id), weight: 1 }] });
	}

	function but(text) {
		if (item) go({ ...blank(state()), image: [{ ref: String(item.id), weight: 1 }], but: text });
	}

	function avoid() {
		if (item && state().chat) point({ reject: [item.id] });
		else if (item) go({ not: [...state().not, `#${item.id}`], item: 0 });
	}

	dialog.addEventListener("cancel", (event) => {
		event.preventDefault();
		away();
	});
	dialog.addEventListener("click", (event) => {
		if (event.target === stage || event.target === stage.parentNode) away();
	});
	dialog.addEventListener("keydown", (event) => {
		if (writes(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
		if (event.target instanceof HTMLInputElement) return;
		const act = {
			ArrowLeft: () => step(-1),
			ArrowRight: () => step(1),
			x: () => item && selection.toggle(item),
			i: () => facts.click(),
			m: similar,
		}[event.key];
		if (!act) return;
		event.preventDefault();
		event.stopPropagation();
		act();
	});
	let from = 0;
	stage.addEventListener("touchstart", (event) => (from = event.touches.length === 1 ? event.touches[0].clientX : 0), {
		passive: true,
	});
	stage.addEventListener("touchend", (event) => {
		const moved = from && event.changedTouches[0].clientX - from;
		if (Math.abs(moved) > SWIPE) step(moved > 0 ? -1 : 1);
	});

	return {
		update(now) {
			if (now.item && now.item !== item?.id) load(now.item);
			if (now.item && !dialog.open) {
				showFacts(innerWidth > 800 && localStorage.getItem(FACTS_SHOWN) !== "0");
				dialog.showModal();
				shut.focus();
				document.documentElement.classList.add("still");
			} else if (!now.item && dialog.open) {
				loading?.abort();
				dialog.close();
				document.documentElement.classList.remove("still");
				item = null;
				fill(stage);
				fill(aside);
				if (position >= 0) does.list()?.focus(position);
			}
		},
		/** The list behind has changed: find the picture in it again. */
		relist() {
			const grid = does.list();
			if (!item || !grid) return;
			position = grid.find(item.id);
			if (position >= 0) fill(place, `${position + 1} of ${grid.count}`);
			if (position >= 0) why.show(item, grid.at(position));
			arrows();
		},
	};
}
