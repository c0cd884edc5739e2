/** The server's answers, and its refusals as errors that can be shown. */

const ROOT = new URL("v1/", document.baseURI);

/** What the server says when it will not (RFC 9457). */
export class Problem extends Error {
	constructor(status, said) {
		super(said.detail || said.title || `the server answered ${status}`);
		this.status = status;
		this.remedy = said.remedy || "";
	}
}

let signIn = () => {};

/** What to do when the server asks for a key. @param {() => void} then */
export function onKeyNeeded(then) {
	signIn = then;
}

/**
 * Address of a resource of the API.
 * @param {string} path
 * @param {Record<string, string | number | boolean | string[] | null | undefined>} [query]
 */
export function address(path, query = {}) {
	const url = new URL(path, ROOT);
	for (const [name, value] of Object.entries(query)) {
		if (value === null || value === undefined || value === "") continue;
		for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one));
	}
	return url.pathname + url.search;
}

async function send(method, path, { query, body, signal } = {}) {
	const headers = body === undefined ? {} : { "Content-Type": "application/json" };
	let answer;
	try {
		const text = body === undefined ? undefined : JSON.stringify(body);
		answer = await fetch(address(path, query), { method, headers, body: text, signal, credentials: "same-origin" });
	} catch (error) {
		if (error.name === "AbortError") throw error;
		throw new Problem(0, {
			detail: "The server does not answer.",
			remedy: "See whether openitr serve is still running.",
		});
	}
	if (answer.ok) return answer;
	const said = await answer.json().catch(() => ({ title: answer.statusText }));
	if (answer.status === 401) signIn();
	throw new Problem(answer.status, said);
}

/** @param {string} path @param {Record<string, any>} [query] @param {AbortSignal} [signal] */
export async function get(path, query, signal) {
	return (await send("GET", path, { query, signal })).json();
}

/** @param {string} path @param {any} body @param {AbortSignal} [signal] */
export async function post(path, body, signal) {
	const answer = await send("POST", path, { body, signal });
	return answer.status === 204 ? {} : answer.json();
}

/** @param {string} path */
export async function erase(path) {
	const answer = await send("DELETE", path);
	return answer.status === 204 ? {} : answer.json();
}

/** A file made by the server, as a blob. @param {string} path @param {any} body */
export async function postForFile(path, body) {
	return (await send("POST", path, { body })).blob();
}

/** Whether an error only says that nobody waits any more. @param {unknown} error */
export function gone(error) {
	return error instanceof Error && error.name === "AbortError";
}

/** @param {number} id @param {string} collection */
export function thumbnail(id, collection) {
	return address(`items/${id}/thumbnail`, { collection });
}

/** @param {number} id @param {string} collection */
export function original(id, collection) {
	return address(`items/${id}/file`, { collection });
}
