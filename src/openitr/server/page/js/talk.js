/** Conversations, each turn under a mark that the address names. The server keeps none of them; this tab does. */

import { Problem, post } from "./api.js";
import { markOf } from "./pictures.js";
import { state } from "./state.js";

const KEY = "openitr.talk.";
const HITS = 200;
const ANSWERS = 12;

/**
 * @typedef {object} Turn as the server answers it
 * @property {any[]} hits
 * @property {{likely: number, maybe: number, rest: number}} counts
 * @property {number} total
 * @property {string[]} notes
 * @property {{text: string, options: string[]} | null} question
 * @property {number[]} excluded
 * @property {any} state
 */

/** @type {Map<string, Turn>} answers seen lately */
const answers = new Map();

/** What was kept of a conversation, or null where this tab never had it. @param {string} mark */
export function kept(mark) {
	try {
		return answers.get(mark)?.state ?? JSON.parse(sessionStorage.getItem(KEY + mark) ?? "null");
	} catch {
		return null;
	}
}

/** @param {string} mark @param {Turn} answer */
function remember(mark, answer) {
	answers.delete(mark);
	answers.set(mark, answer);
	if (answers.size > ANSWERS) answers.delete(answers.keys().next().value);
}

/** @param {Turn} answer @returns {string} its mark */
function keep(answer) {
	const text = JSON.stringify(answer.state);
	const mark = markOf(text);
	remember(mark, answer);
	try {
		sessionStorage.setItem(KEY + mark, text);
	} catch {
		// Without storage a conversation lasts until the page is left.
	}
	return mark;
}

function lost() {
	return new Problem(0, {
		detail: "This conversation was only known to another tab.",
		remedy: "Begin a new one: say what the picture shows.",
	});
}

/** Take a step. @param {string} mark of the conversation so far, "" for a new one @param {Record<string, any>} step */
export async function turn(mark, step) {
	const { collection, where, run } = state();
	// What is lost cannot go on: it begins anew.
	const so_far = mark ? kept(mark) : null;
	const begin = { k: HITS, ...(where.length && { where }), ...(run && { run }) };
	const asked = { ...step, ...(so_far ? { state: so_far } : begin), ...(collection && { collection }), why: true };
	return keep(await post("chat", asked));
}

/**
 * The answer under a mark, asked for anew where it is not here any more.
 * @param {string} mark
 * @param {AbortSignal} signal
 */
export async function recall(mark, signal) {
	const seen = answers.get(mark);
	if (seen) return seen;
	const so_far = kept(mark);
	if (!so_far) throw lost();
	const { collection } = state();
	const answer = await post("chat", { state: so_far, ...(collection && { collection }) }, signal);
	remember(mark, answer);
	return answer;
}

/** The answer under a mark if it is here. @param {string} mark */
export function seen(mark) {
	return answers.get(mark) ?? null;
}
