/** Jobs of the server, followed live. */

import { address, erase, get, post } from "./api.js";
import { h, fill } from "./dom.js";
import { refresh } from "./actions.js";
import { collectionName, readOnly } from "./served.js";
import { announce, toastError } from "./say.js";
import { date, number } from "./words.js";

const SHOWN = 6;
const ENDED = ["done", "failed", "cancelled"];
const KINDS = { index: "Index", reindex: "Reindex", eval: "Evaluation" };
const STATES = { queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "stopped" };

/** @typedef {{id: string, kind: string, collection: string, state: string, progress: {done: number, total: number, line: string} | null,
 *   created: any, started: any, finished: any, result: any, error: any}} Job */

export function jobsPanel() {
	const list = h("ul.lines.jobs");
	const element = h("section.panel", { hidden: readOnly() }, h("h2", null, "Jobs"), list);
	/** @type {Map<string, Job>} */
	const jobs = new Map();
	/** @type {Map<string, EventSource>} */
	const streams = new Map();

	function draw() {
		const newest = [...jobs.values()].sort((a, b) => (String(a.created) < String(b.created) ? 1 : -1)).slice(0, SHOWN);
		fill(list, newest.map(line));
		if (!newest.length) fill(list, h("li.quiet", null, "Nothing is running."));
	}

	function line(job) {
		const { done = 0, total = 0, line: text = "" } = job.progress ?? {};
		const running = !ENDED.includes(job.state);
		const meter =
			running &&
			h("progress", {
				"aria-label": `${KINDS[job.kind]} progress`,
				...(total && job.state === "running" ? { max: total, value: done } : {}),
			});
		const wrong = job.error && (job.error.detail ?? job.error.message ?? String(job.error));
		const counts = running && total ? `${number(done)} of ${number(total)}` : "";
		return h(
			"li",
			{ "data-job": job.id },
			h(
				"div",
				null,
				h("b", null, KINDS[job.kind] ?? job.kind),
				h(`span.kind.state-${job.state}`, null, STATES[job.state] ?? job.state),
				h("span.quiet", null, counts || date(job.finished ?? job.created)),
				meter,
				h("p.quiet.clip", null, wrong ?? (running ? text : result(job.result))),
			),
			running && h("button.plain", { type: "button", onclick: () => stop(job.id) }, "Stop"),
		);
	}

	function take(job) {
		const before = jobs.get(job.id)?.state;
		jobs.set(job.id, job);
		draw();
		if (ENDED.includes(job.state)) {
			streams.get(job.id)?.close();
			streams.delete(job.id);
			if (before && !ENDED.includes(before)) {
				announce(`${KINDS[job.kind]} ${STATES[job.state]}`);
				refresh();
			}
		} else follow(job.id);
	}

	function follow(id) {
		if (streams.has(id)) return;
		const stream = new EventSource(address(`jobs/${encodeURIComponent(id)}/events`));
		streams.set(id, stream);
		for (const kind of ["progress", "done"]) stream.addEventListener(kind, (event) => take(JSON.parse(event.data)));
	}

	async function stop(id) {
		try {
			await erase(`jobs/${encodeURIComponent(id)}`);
			take(await get(`jobs/${encodeURIComponent(id)}`));
		} catch (error) {
			toastError(error);
		}
	}

	return {
		element,
		async begin() {
			if (readOnly()) return;
			element.hidden = false;
			try {
				const name = collectionName();
				for (const job of (await get("jobs", { limit: 20 })).jobs) if (job.collection === name) take(job);
				draw();
			} catch (error) {
				toastError(error);
			}
		},
		async start(asked) {
			try {
				take(await post("jobs", { ...asked, collection: collectionName() }));
				element.scrollIntoView({ block: "nearest" });
			} catch (error) {
				toastError(error);
			}
		},
		close() {
			for (const stream of streams.values()) stream.close();
			streams.clear();
		},
	};
}

/** What a job brought, in a line. */
function result(found) {
	if (!found || typeof found !== "object") return found ? String(found) : "";
	const words = { added: "added", updated: "updated", unchanged: "unchanged", removed: "removed", skipped: "skipped" };
	const parts = Object.entries(words)
		.filter(([name]) => typeof found[name] === "number" && (found[name] || name === "added"))
		.map(([name, word]) => `${number(found[name])} ${word}`);
	if (found.RSUM) parts.push(`RSUM ${found.RSUM}`);
	return parts.join(", ");
}
