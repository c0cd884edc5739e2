/** From what the address says to what the API is asked. */

import { Problem } from "./api.js";
import { find } from "./pictures.js";

/** @typedef {import("./state.js").State} State */

function picture(ref) {
	if (!ref.startsWith("@")) return Number(ref.replace("#", ""));
	const kept = find(ref);
	if (!kept) {
		const remedy = "Drop or choose it again, and take the grey one out.";
		throw new Problem(0, { detail: "A picture of this question was only known to another tab.", remedy });
	}
	return kept.data;
}

/**
 * The body of `POST /v1/search`.
 * @param {State} state
 * @param {{k: number, offset?: number, run?: string}} page
 * @returns {Record<string, any>}
 */
export function body(state, { k, offset = 0, run = state.run }) {
	const asked = { k };
	const texts = [...(state.q.trim() ? [{ text: state.q.trim(), weight: 1 }] : []), ...state.add];
	if (texts.length === 1 && texts[0].weight === 1) asked.text = texts[0].text;
	else if (texts.length) asked.text = texts;
	const images = state.image.map(({ ref, weight }) => (weight === 1 ? picture(ref) : { image: picture(ref), weight }));
	if (images.length) asked.image = images.length === 1 ? images[0] : images;
	const changes = state.but && images.length;
	if (changes) Object.assign(asked, { but: state.but, strength: state.strength });
	if (changes && state.composer && images.length === 1) asked.composer = state.composer;
	if (state.rerank && mayLookTwice(state)) asked.rerank = state.rerank;
	if (state.not.length) asked.not = state.not.map((one) => (/^(@\w+|#\d+)$/.test(one) ? { image: picture(one) } : one));
	if (state.where.length) asked.where = state.where;
	if (state.sort === "date") asked.sort = "date";
	if (run) asked.run = run;
	if (offset) asked.offset = offset;
	if (state.collection) asked.collection = state.collection;
	return asked;
}

/** Whether hits may be looked at again, which is done by words. @param {State} state */
export function mayLookTwice({ q, add, but, image, chat }) {
	return Boolean((q.trim() || add.length) && !(but && image.length) && !chat);
}

/**
 * What was typed, with `-word` and `-"some words"` taken out as things to avoid.
 * @param {string} typed
 * @returns {{q: string, not: string[]}}
 */
export function read(typed) {
	/** @type {string[]} */
	const not = [];
	const q = typed.replace(/(^|\s)-(?:"([^"]+)"|(\p{L}\S*))/gu, (_, space, phrase, word) => {
		not.push((phrase ?? word).trim());
		return space;
	});
	return { q: q.replace(/\s+/g, " ").trim(), not };
}

/** What makes two states ask the same. @param {State} state */
export function key(state) {
	if (state.chat) return JSON.stringify([state.collection, state.chat]);
	const { collection, q, add, image, but, strength, composer, not, where, sort, run, rerank } = state;
	return JSON.stringify([collection, q.trim(), add, image, but, strength, composer, not, where, sort, run, rerank]);
}

/** What makes two states ask the same, however much each part counts. @param {State} state */
export function unweighed(state) {
	const plain = (parts) => parts.map((part) => ({ ...part, weight: 1 }));
	return key({ ...state, strength: 1, image: plain(state.image), add: plain(state.add) });
}

/** The question in words, for titles and screen readers. @param {State} state */
export function inWords(state) {
	if (state.chat) return "A conversation";
	const parts = [state.q.trim(), ...state.add.map(({ text }) => text)].filter(Boolean).map((text) => `“${text}”`);
	if (state.image.length) parts.push(state.image.length === 1 ? "a picture" : `${state.image.length} pictures`);
	if (state.but) parts.push(`but “${state.but}”`);
	return parts.join(" and ");
}
