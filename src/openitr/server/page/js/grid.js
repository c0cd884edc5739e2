/** A wall of pictures of any length, of which only what is near the window exists. */

import { h } from "./dom.js";
import { justify, ratio, rowAt } from "./justify.js";
import { mark, place, rename, tile } from "./tile.js";
import { beside, blockOf } from "./walk.js";
import * as selection from "./selection.js";
import * as size from "./size.js";

const GAP = 4;
const HEAD = 56;
const BETWEEN = 28;
const SETTLED_MS = 60;
const MOST_MARGIN = 700;

/**
 * @typedef {object} Item as in the answers of the API
 * @property {number} id
 * @property {number} root
 * @property {string} path
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {string} [bucket]
 * @property {number} [probability]
 * @property {string} [taken_at]
 *
 * @typedef {object} Block a stretch of the list that is laid out for itself
 * @property {string} key
 * @property {number} first place of its first picture in the whole list
 * @property {number} count
 * @property {Item[] | null} items null while they are not here
 * @property {Element | null} head a heading, or none
 * @property {string} label for screen readers
 * @property {number} before how many pictures of the same set come before it
 * @property {number} size of that set
 * @property {boolean} ragged whether its last row may stay short
 * @property {(() => void) | null} load fetches the items
 *
 * @typedef {{top: number, body: number, height: number, layout: import("./justify.js").Layout | null}} Box
 */

export class Grid {
	constructor(host, does) {
		this.host = host;
		this.does = does;
		this.blocks = [];
		this.boxes = [];
		this.tiles = new Map();
		this.spare = new Map();
		this.sections = new Map();
		this.active = 0;
		this.width = 0;
		this.timer = 0;
		this.stop = new AbortController();
		const { signal } = this.stop;
		host.classList.add("grid");
		addEventListener("scroll", () => this.render(), { passive: true, signal });
		host.addEventListener("keydown", (event) => this.#key(event), { signal });
		host.addEventListener("click", (event) => this.#click(event), { signal });
		host.addEventListener("contextmenu", (event) => this.#press(event), { signal });
		host.addEventListener("focusin", (event) => this.#focused(event), { signal });
		this.watch = new ResizeObserver(() => this.host.clientWidth !== this.width && this.relayout());
		this.watch.observe(host);
		this.forget = [selection.onChange(() => this.#marks()), size.onChange(() => this.relayout())];
	}

	close() {
		this.stop.abort();
		this.watch.disconnect();
		clearTimeout(this.timer);
		for (const forget of this.forget) forget();
	}

	/** Show a list from its beginning. */
	show(blocks) {
		this.host.replaceChildren();
		this.tiles.clear();
		this.sections.clear();
		this.boxes = [];
		this.active = 0;
		this.refresh(blocks);
	}

	/** Show what has come since, without moving what is in view. */
	refresh(blocks) {
		const anchor = this.#anchor();
		this.blocks = blocks;
		this.relayout(anchor);
	}

	/** Show the same question weighed anew: pictures that stay move to their new places. */
	rerank(blocks) {
		this.spare = new Map([...this.tiles.values()].map((element) => [element.dataset.id, element]));
		this.tiles.clear();
		this.active = 0;
		this.refresh(blocks);
		for (const element of this.spare.values()) element.remove();
		this.spare.clear();
	}

	/** How many pictures the list has. */
	get count() {
		const last = this.blocks.at(-1);
		return last ? last.first + last.count : 0;
	}

	at(position) {
		const block = this.blocks[blockOf(this.blocks, position)];
		return block?.items?.[position - block.first] ?? null;
	}

	/** Ask for the picture at a position to be loaded. */
	want(position) {
		const block = this.blocks[blockOf(this.blocks, position)];
		if (block && !block.items) block.load?.();
	}

	find(id) {
		for (const block of this.blocks) {
			const i = block.items ? block.items.findIndex((item) => item.id === id) : -1;
			if (i >= 0) return block.first + i;
		}
		return -1;
	}

	/** Give the keyboard to a picture and bring it into view. */
	focus(position) {
		if (!this.count) return;
		this.active = Math.max(0, Math.min(this.count - 1, position));
		this.reveal(this.active);
		this.render();
		for (const [at, element] of this.tiles) element.tabIndex = at === this.active ? 0 : -1;
		this.tiles.get(this.active)?.focus({ preventScroll: true });
	}

	/** Scroll so that a picture is seen. */
	reveal(position) {
		const number = blockOf(this.blocks, position);
		const [block, box] = [this.blocks[number], this.boxes[number]];
		if (!box) return;
		const row = box.layout?.rows.find((one) => one.end > position - block.first);
		const top = this.#top() + box.top + box.body + (row?.top ?? 0);
		const roof = document.getElementById("bar")?.offsetHeight ?? 0;
		const floor = document.getElementById("tabs")?.offsetHeight ?? 0;
		const height = row?.height ?? size.target();
		const topmost = number === 0 && !row?.top;
		if (top - scrollY < roof + 12) scrollTo(0, topmost ? 0 : top - roof - 12);
		else if (top + height - scrollY > innerHeight - floor - 12) scrollTo(0, top + height - innerHeight + floor + 12);
	}

	relayout(anchor = this.#anchor()) {
		this.width = this.host.clientWidth;
		if (!this.width) return;
		const target = size.target();
		let top = 0;
		this.boxes = this.blocks.map((block) => {
			const layout = block.items ? this.#layout(block, target) : null;
			const body = block.head ? HEAD : 0;
			const box = { top, body, height: layout ? layout.height : this.#guess(block.count, target), layout };
			top += body + box.height + (block.ragged ? BETWEEN : GAP);
			return box;
		});
		this.host.style.height = `${top}px`;
		this.#restore(anchor);
		this.render(true);
	}

	/** Bring what exists in line with what is near the window. */
	render(moved = false) {
		const margin = Math.min(innerHeight, MOST_MARGIN);
		const from = scrollY - this.#top() - margin;
		const to = from + innerHeight + 2 * margin;
		const keepTiles = new Set();
		const keepSections = new Set();
		const focused = this.tiles.get(this.active)?.matches(":focus") ? this.active : -1;
		for (const [number, box] of this.boxes.entries()) {
			const block = this.blocks[number];
			const holds = focused >= block.first && focused < block.first + block.count;
			if ((box.top + box.body + box.height < from || box.top > to) && !holds) continue;
			keepSections.add(block.key);
			const body = this.#section(block, box, moved);
			if (!box.layout) {
				this.#later();
				continue;
			}
			const { rows } = box.layout;
			for (let r = rowAt(rows, from - box.top - box.body); r < rows.length; r++) {
				if (rows[r].top > to - box.top - box.body) break;
				for (let i = rows[r].start; i < rows[r].end; i++)
					this.#tile(block, box.layout, rows[r], i, body, moved, keepTiles);
			}
			if (holds) {
				const i = focused - block.first;
				this.#tile(block, box.layout, rows[rows.findIndex((row) => row.end > i)], i, body, moved, keepTiles);
			}
		}
		for (const [position, element] of this.tiles) {
			if (keepTiles.has(position)) continue;
			element.remove();
			this.tiles.delete(position);
		}
		for (const [key, { section }] of this.sections) {
			if (keepSections.has(key)) continue;
			section.remove();
			this.sections.delete(key);
		}
		const bottom = this.boxes.at(-1);
		if (bottom) this.does.near?.(bottom.top + bottom.height - (scrollY - this.#top() + innerHeight));
	}

	#top() {
		return this.host.getBoundingClientRect().top + scrollY;
	}

	#layout(block, target) {
		const items = block.items;
		const kept = items.layout;
		if (kept && kept.width === this.width && kept.target === target && kept.count === items.length) return kept.layout;
		const layout = justify(items.map(ratio), this.width, target, GAP, block.ragged);
		items.layout = { width: this.width, target, count: items.length, layout };
		return layout;
	}

	/** Height of pictures that are not here yet. */
	#guess(count, target) {
		const perRow = Math.max(1, this.width / (target * 1.4 + GAP));
		return Math.max(target, Math.ceil(count / perRow) * (target + GAP) - GAP);
	}

	#anchor() {
		const y = scrollY - this.#top();
		if (y <= 0) return null;
		const number = this.boxes.findLastIndex((box) => box.top <= y);
		const box = this.boxes[number];
		if (!box) return null;
		const within = y - box.top - box.body;
		if (!box.layout || within < 0) return { number, item: -1, part: within / Math.max(1, box.height), off: within };
		const row = box.layout.rows[rowAt(box.layout.rows, within)];
		return row ? { number, item: row.start, part: 0, off: within - row.top } : null;
	}

	#restore(anchor) {
		const box = anchor && this.boxes[anchor.number];
		if (!anchor || !box) return;
		let within = anchor.off < 0 ? anchor.off : anchor.part * box.height;
		if (anchor.item >= 0) {
			const row = box.layout?.rows.find((one) => one.end > anchor.item);
			if (!row) return;
			within = row.top + anchor.off;
		}
		const y = Math.round(this.#top() + box.top + box.body + within);
		if (Math.abs(y - scrollY) > 1) scrollTo({ top: y, behavior: "instant" });
	}

	anchorOf() {
		return this.#anchor();
	}

	#section(block, box, moved) {
		let found = this.sections.get(block.key);
		if (!found) {
			const body = h("div.grid-body", { role: "listbox", "aria-multiselectable": "true", "aria-label": block.label });
			const section = h("section.grid-block", null, block.head, body);
			found = { section, body };
			this.sections.set(block.key, found);
			const later = this.blocks.slice(this.blocks.indexOf(block) + 1).find((one) => this.sections.has(one.key));
			this.host.insertBefore(section, (later && this.sections.get(later.key)?.section) ?? null);
			moved = true;
		}
		if (moved) {
			found.section.style.top = `${box.top}px`;
			found.body.style.height = `${box.height}px`;
			found.body.classList.toggle("grid-pending", !box.layout);
			if (block.head && block.head.parentNode !== found.section) {
				found.section.querySelector(":scope > .band")?.remove();
				found.section.prepend(block.head);
			}
		}
		return found.body;
	}

	#tile(block, layout, row, i, body, moved, keep) {
		const position = block.first + i;
		const item = block.items[i];
		let element = this.tiles.get(position);
		keep.add(position);
		if (element && (element.dataset.id !== String(item.id) || element.parentNode !== body)) {
			element.remove();
			element = undefined;
		}
		if (!element) {
			const spare = this.spare.get(String(item.id));
			this.spare.delete(String(item.id));
			if (spare) rename(spare, item);
			element = spare ?? tile(item, this.does.href(item), this.does.collection());
			element.dataset.position = String(position);
			element.setAttribute("aria-posinset", String(block.before + i + 1));
			element.setAttribute("aria-setsize", String(block.size));
			element.tabIndex = position === this.active ? 0 : -1;
			mark(element, selection.has(item.id));
			this.tiles.set(position, element);
			// In reading order, so that a screen reader and the Tab key meet them as they are seen.
			let next = null;
			for (let after = position + 1; after < position + 40 && !next; after++) next = this.tiles.get(after) ?? null;
			body.insertBefore(element, next?.parentNode === body ? next : null);
			moved = true;
		}
		if (moved) place(element, layout.lefts[i], row.top, layout.widths[i], row.height);
	}

	#later() {
		clearTimeout(this.timer);
		this.timer = setTimeout(() => {
			const from = scrollY - this.#top() - innerHeight;
			const to = from + 3 * innerHeight;
			for (const [number, box] of this.boxes.entries()) {
				if (!box.layout && box.top < to && box.top + box.body + box.height > from) this.blocks[number].load?.();
			}
		}, SETTLED_MS);
	}

	#marks() {
		for (const element of this.tiles.values()) mark(element, selection.has(Number(element.dataset.id)));
	}

	#hit(event) {
		const element = event.target.closest(".tile");
		if (!element) return null;
		const position = Number(element.dataset.position);
		const item = this.at(position);
		return item && [element, position, item];
	}

	#focused(event) {
		const hit = this.#hit(event);
		if (!hit || hit[1] === this.active) return;
		const before = this.tiles.get(this.active);
		if (before) before.tabIndex = -1;
		this.active = hit[1];
		hit[0].tabIndex = 0;
	}

	#click(event) {
		const hit = this.#hit(event);
		if (!hit || event.ctrlKey || event.metaKey || event.button) return;
		event.preventDefault();
		const [, position, item] = hit;
		const checked = event.target.closest(".tile-check");
		if (event.shiftKey) this.#range(position);
		else if (checked || (selection.count() && matchMedia("(pointer: coarse)").matches))
			selection.toggle(item, position);
		else this.does.open(item, position);
	}

	/** A long press on a touch screen selects. */
	#press(event) {
		const hit = this.#hit(event);
		if (!hit || !matchMedia("(pointer: coarse)").matches) return;
		event.preventDefault();
		selection.toggle(hit[2], hit[1]);
	}

	/** Select from the last one touched to here. */
	#range(position, start = position) {
		const from = selection.anchor() ?? start;
		const items = [];
		for (let i = Math.min(from, position); i <= Math.max(from, position); i++) {
			const item = this.at(i);
			if (item) items.push(item);
		}
		selection.add(items, position);
	}

	#key(event) {
		const hit = this.#hit(event);
		if (!hit || event.ctrlKey || event.metaKey || event.altKey) return;
		const [, position, item] = hit;
		const to = { ArrowRight: position + 1, ArrowLeft: position - 1, Home: 0, End: this.count - 1 }[event.key];
		if (event.key === "x" || event.key === " ") selection.toggle(item, position);
		else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
			const next = beside(this.blocks, this.boxes, position, event.key === "ArrowDown" ? 1 : -1);
			if (next < 0) return;
			if (event.shiftKey) this.#range(next, position);
			this.focus(next);
		} else if (to !== undefined) {
			if (event.shiftKey && to >= 0 && to < this.count) this.#range(to, position);
			this.focus(to);
		} else return;
		event.preventDefault();
		event.stopPropagation();
	}
}
