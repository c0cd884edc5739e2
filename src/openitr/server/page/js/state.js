/** What is looked at, kept in the address so that it can be bookmarked, shared and gone back to. */

/**
 * @typedef {{ref: string, weight: number}} Picture a picture of the query: "17" an item, "@k3f9" one of this browser
 * @typedef {{text: string, weight: number}} Words
 * @typedef {object} State
 * @property {"search" | "duplicates" | "collection" | "compare"} view
 * @property {string} collection "" for the first one served
 * @property {string} q the words in the box
 * @property {Words[]} add further weighted words
 * @property {Picture[]} image
 * @property {string} rerank what looks again at the best hits
 * @property {string} composer how `but` is followed
 * @property {string} but what should be different from the picture
 * @property {number} strength of `but`
 * @property {string[]} not words, or "@..." and "#17" for pictures
 * @property {string[]} where filter expressions
 * @property {string} sort "" for the usual one
 * @property {string} run
 * @property {string} versus the other run of a comparison
 * @property {number} item the one that is looked at closely, 0 for none
 * @property {boolean} rest whether the unlikely hits are shown
 * @property {string} panel "filters", "chat" or ""
 * @property {string} chat mark of a conversation that the wall shows, while its panel is open
 * @property {string} kind of duplicates
 * @property {number} page of duplicates, from 1
 */

const VIEWS = ["search", "duplicates", "collection", "compare"];
const PLAIN = ["collection", "q", "rerank", "but", "composer", "sort", "run", "versus", "panel", "chat", "kind"];
// What leaves the question as it is, and a second look at its hits with it.
const ASIDE = ["item", "rest", "sort", "panel"];

function weighted(text) {
	const found = /^(-?\d+(?:\.\d+)?):(.+)$/s.exec(text);
	return found ? [Number(found[1]) || 1, found[2]] : [1, text];
}

/** Without its panel a conversation is not shown. */
function talks({ panel, chat }) {
	return panel === "chat" && /^\w+$/.test(chat) ? chat : "";
}

function weigh(weight, text) {
	return weight === 1 && !/^-?\d+(\.\d+)?:/.test(text) ? text : `${weight}:${text}`;
}

/** @param {string} search the part of an address from "?" on @returns {State} */
export function parse(search) {
	const given = new URLSearchParams(search);
	const view = given.get("view") ?? "";
	const state = { view: VIEWS.includes(view) ? view : "search" };
	for (const name of PLAIN) state[name] = given.get(name) ?? "";
	state.chat = talks(state);
	state.add = given
		.getAll("add")
		.map(weighted)
		.map(([weight, text]) => ({ text, weight }));
	state.image = given
		.getAll("image")
		.map(weighted)
		.filter(([, ref]) => /^(\d+|@\w+)$/.test(ref))
		.map(([weight, ref]) => ({ ref, weight }));
	state.not = given.getAll("not").filter(Boolean);
	state.where = given.getAll("where").filter(Boolean);
	state.strength = Number(given.get("strength") ?? 1);
	if (!(state.strength >= 0 && state.strength <= 4)) state.strength = 1;
	state.item = Number.parseInt(given.get("item") ?? "", 10) || 0;
	state.page = Math.max(1, Number.parseInt(given.get("page") ?? "", 10) || 1);
	state.rest = given.get("rest") === "1";
	return state;
}

/** @param {State} state @returns {string} an address, "?" and what differs from the plain page */
export function format(state) {
	const said = new URLSearchParams();
	if (state.view !== "search") said.set("view", state.view);
	for (const name of PLAIN) if (state[name]) said.set(name, state[name]);
	for (const { text, weight } of state.add) said.append("add", weigh(weight, text));
	for (const { ref, weight } of state.image) said.append("image", weigh(weight, ref));
	for (const text of state.not) said.append("not", text);
	for (const text of state.where) said.append("where", text);
	if (state.strength !== 1 && state.but) said.set("strength", String(state.strength));
	if (state.rest) said.set("rest", "1");
	if (state.page > 1) said.set("page", String(state.page));
	if (state.item) said.set("item", String(state.item));
	return `?${said}`;
}

/** Whether a state asks something, rather than looking through everything. @param {State} state */
export function asks(state) {
	return Boolean(state.chat || state.q.trim() || state.add.length || state.image.length);
}

/** A state that asks nothing, in the same collection. @param {State} state @returns {State} */
export function blank(state) {
	return { ...parse(""), collection: state.collection, run: state.run };
}

let now = parse(location.search);
/** @type {Set<(state: State, before: State) => void>} */
const listeners = new Set();

/** The present state. */
export function state() {
	return now;
}

/** Be told of every change. @param {(state: State, before: State) => void} listener */
export function onChange(listener) {
	listeners.add(listener);
}

function take(next) {
	const before = now;
	now = next;
	for (const listener of listeners) listener(now, before);
}

function after(patch) {
	const next = { ...now, ...patch };
	next.chat = talks(next);
	if (!("rerank" in patch) && Object.keys(patch).some((name) => !ASIDE.includes(name))) next.rerank = "";
	return next;
}

/**
 * Go on to another state.
 * @param {Partial<State>} patch
 * @param {{replace?: boolean}} [options] replace: the present address is not one to come back to
 */
export function go(patch, { replace = false } = {}) {
	const next = after(patch);
	const to = format(next);
	if (to === format(now)) return;
	// Where one was is remembered with the entry that is left, so that "back" finds the same pictures.
	if (replace) history.replaceState(history.state, "", to);
	else {
		history.replaceState({ ...history.state, y: scrollY }, "");
		history.pushState({ y: 0, inside: true }, "", to);
	}
	take(next);
}

/** Leave a state that was entered from inside the page by going back, else by going to `otherwise`.
 * @param {Partial<State>} otherwise */
export function leave(otherwise) {
	if (history.state?.inside) history.back();
	else go(otherwise, { replace: true });
}

/** The address of another state. @param {Partial<State>} patch */
export function href(patch) {
	return format(after(patch));
}

history.scrollRestoration = "manual";
addEventListener("popstate", () => take(parse(location.search)));
