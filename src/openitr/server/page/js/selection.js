/** Which pictures are picked out. It outlives a search, so that pictures of several searches can be exported at once. */

/** @typedef {import("./grid.js").Item} Item */

/** @type {Map<number, Item>} */
const chosen = new Map();
/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {number | null} */
let last = null;

function tell() {
	for (const listener of listeners) listener();
}

/** @param {() => void} listener @returns {() => void} to stop listening */
export function onChange(listener) {
	listeners.add(listener);
	return () => listeners.delete(listener);
}

/** @param {number} id */
export function has(id) {
	return chosen.has(id);
}

export function count() {
	return chosen.size;
}

export function items() {
	return [...chosen.values()];
}

/** Where a range begins: the place of the picture touched last. */
export function anchor() {
	return last;
}

/** @param {Item} item @param {number | null} [position] */
export function toggle(item, position = null) {
	if (!chosen.delete(item.id)) chosen.set(item.id, item);
	last = position;
	tell();
}

/** @param {Item[]} more @param {number | null} [position] */
export function add(more, position = null) {
	for (const item of more) chosen.set(item.id, item);
	last = position;
	tell();
}

/** @param {number[]} ids */
export function drop(ids) {
	for (const id of ids) chosen.delete(id);
	tell();
}

export function clear() {
	chosen.clear();
	last = null;
	tell();
}
