/** What the server serves: its collections, their runs and roots, and who may do what. */

import { get } from "./api.js";
import { state } from "./state.js";

/** @typedef {{name: string, pictures: number, model: string, default: boolean, read_only: boolean}} Served */

let who = { key_needed: false, signed_in: false, read_only: false, show_paths: false };
/** @type {Served[]} */
let collections = [];
/** @type {Map<string, any>} */
const details = new Map();
let changes = 0;

/** Ask who we are to the server. */
export async function meet() {
	who = await get("session");
	return who;
}

/** Load the list of collections and the particulars of the present one. */
export async function load() {
	collections = (await get("collections")).collections;
	await detail(collectionName(), true);
}

/** Particulars of a collection. @param {string} name @param {boolean} [fresh] */
export async function detail(name, fresh = false) {
	if (!name) return {};
	if (fresh || !details.has(name)) details.set(name, await get(`collections/${encodeURIComponent(name)}`));
	return details.get(name);
}

export function session() {
	return who;
}

export function served() {
	return collections;
}

/** The collection that is looked at. */
export function collectionName() {
	const wanted = state().collection;
	const first = collections.find((one) => one.default) ?? collections[0];
	return wanted || first?.name || "";
}

/** @param {string} name */
export function runs(name) {
	return details.get(name)?.runs ?? [];
}

/** Names that a search may say. @param {"rerankers" | "composers"} what */
export function offered(what) {
	return details.get(collectionName())?.[what] ?? [];
}

/** Name of an indexed folder. @param {number} id */
export function rootName(id) {
	const root = (details.get(collectionName())?.roots ?? []).find((one) => one.id === id);
	return root ? String(root.name) : "";
}

/** Whether nothing may be changed here. */
export function readOnly() {
	return who.read_only || Boolean(collections.find((one) => one.name === collectionName())?.read_only);
}

/** Counts up whenever the collection is known to have changed. */
export function version() {
	return changes;
}

/** Take note that pictures came or went. */
export async function touched() {
	changes += 1;
	await load().catch(() => {});
}
