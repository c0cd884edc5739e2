/** The two lists a wall can show: everything, page by page, and the hits of a question in their bands. */

import { get, gone, post } from "./api.js";
import { h } from "./dom.js";
import { body, mayLookTwice } from "./query.js";
import { counted, number } from "./words.js";

/** @typedef {import("./grid.js").Block} Block @typedef {import("./grid.js").Item} Item @typedef {import("./state.js").State} State */

const PAGE = 300;
const FIRST_HITS = 200;
const MORE_HITS = 1000;
const MOST_HITS = 10_000;
const BANDS = ["likely", "maybe", "rest"];

/** Everything that passes the filters, newest first unless told otherwise. */
export class BrowseList {
	constructor(state, changed) {
		const { collection, where, sort } = state;
		this.asked = { collection, where, sort: ["date", "path", "added"].includes(sort) ? sort : "date" };
		this.changed = changed;
		this.total = 0;
		this.pages = new Map();
		this.coming = new Set();
		this.stop = new AbortController();
	}

	async begin() {
		await this.#load(0);
	}

	close() {
		this.stop.abort();
	}

	async #load(page) {
		if (this.pages.has(page) || this.coming.has(page)) return;
		this.coming.add(page);
		try {
			const found = await get("items", { ...this.asked, offset: page * PAGE, limit: PAGE }, this.stop.signal);
			this.total = found.total;
			this.pages.set(page, found.items);
		} finally {
			this.coming.delete(page);
		}
	}

	blocks() {
		return Array.from({ length: Math.ceil(this.total / PAGE) }, (_, page) => ({
			key: `page ${page}`,
			first: page * PAGE,
			count: Math.min(PAGE, this.total - page * PAGE),
			items: this.pages.get(page) ?? null,
			head: null,
			label: "Pictures",
			before: page * PAGE,
			size: this.total,
			ragged: (page + 1) * PAGE >= this.total,
			load: () => {
				this.#load(page).then(
					() => this.changed(),
					(error) => gone(error) || this.changed(error),
				);
			},
		}));
	}
}

/** The hits of one question. */
export class HitList {
	constructor(state, changed) {
		this.state = state;
		this.changed = changed;
		this.hits = [];
		this.total = 0;
		this.took = 0;
		this.notes = [];
		this.ended = false;
		this.busy = false;
		this.stop = new AbortController();
		this.bands = { likely: [], maybe: [], rest: [] };
	}

	async begin() {
		const twice = this.state.rerank && mayLookTwice(this.state);
		await this.#load(twice ? MORE_HITS : FIRST_HITS);
		// Every further page would be a further second look.
		if (twice) this.ended = true;
	}

	close() {
		this.stop.abort();
	}

	async #load(k) {
		const offset = this.hits.length;
		const found = await post("search", body(this.state, { k, offset }), this.stop.signal);
		this.ended = found.hits.length < k || offset + found.hits.length >= MOST_HITS;
		this.take(found);
	}

	/** Take hits in that follow those that are here. */
	take(found) {
		if (!this.hits.length) this.took = found.took_ms;
		this.notes = found.notes ?? [];
		this.total = found.total;
		for (const hit of found.hits) {
			this.hits.push(hit);
			this.bands[hit.bucket].push(hit);
		}
	}

	/** Fetch the next hits, when there are any. */
	more() {
		if (this.ended || this.busy || !this.hits.length) return;
		this.busy = true;
		this.#load(Math.min(MORE_HITS, MOST_HITS - this.hits.length))
			.then(
				() => this.changed(),
				(error) => {
					this.ended = true;
					if (!gone(error)) this.changed(error);
				},
			)
			.finally(() => (this.busy = false));
	}

	/** How many there are of a bucket, with a plus while more may come. */
	said(bucket) {
		const open = !this.ended && this.hits.at(-1)?.bucket === bucket;
		return `${number(this.bands[bucket].length)}${open ? "+" : ""}`;
	}

	/** Whether the unlikely ones are worth a look: nothing else is there. */
	get poor() {
		return !this.bands.likely.length && !this.bands.maybe.length;
	}

	blocks(rest) {
		const shown = BANDS.filter((band) => this.bands[band].length && (band !== "rest" || rest || this.poor));
		let first = 0;
		return shown.map((band) => {
			const items = this.bands[band];
			const block = {
				key: band,
				first,
				count: items.length,
				items,
				head: heading(band, this.said(band)),
				label: { likely: "Likely", maybe: "Maybe", rest: "Unlikely" }[band],
				before: 0,
				size: items.length,
				ragged: true,
				load: null,
			};
			first += items.length;
			return block;
		});
	}

	/** The answer in one sentence. */
	inWords() {
		const [likely, maybe] = [this.said("likely"), this.said("maybe")];
		const among = `in ${counted(this.total, "picture")}`;
		if (this.poor) return `Nothing likely ${among}`;
		if (!this.bands.likely.length) return `Nothing likely, ${maybe} maybe, ${among}`;
		return this.bands.maybe.length ? `${likely} likely, ${maybe} maybe, ${among}` : `${likely} likely, ${among}`;
	}
}

/** What a conversation has come to. */
export class TalkList extends HitList {
	async begin() {
		const { recall } = await import("./talk.js");
		this.take(await recall(this.state.chat, this.stop.signal));
		this.ended = true;
	}
}

function heading(band, said) {
	const words = { likely: "Likely", maybe: "Maybe", rest: "Unlikely" }[band];
	return h(
		`h2.band.band-${band}`,
		null,
		h("span.band-dot", { "aria-hidden": "true" }),
		words,
		h("span.band-count", null, said),
	);
}
