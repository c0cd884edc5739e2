/** Why a picture is an answer: what each stage added, and where in it the words were found. */

import { gone, post } from "./api.js";
import { h, fill, icon } from "./dom.js";
import { state } from "./state.js";
import { percent } from "./words.js";
import { toastError } from "./say.js";

const GRID = 7;
const NAMES = { match: "Match", avoid: "Stay away", calibrate: "Chance", level: "Too common", fuse: "Together", rerank: "Second look" };
const BUCKETS = { likely: "Likely", maybe: "Maybe", rest: "Unlikely" };

/** @param {HTMLElement} stage where the picture stands */
export function whyPanel(stage) {
	const element = h("section.why");
	let shown = 0;
	/** @type {AbortController | null} */
	let asking = null;

	function clear() {
		asking?.abort();
		stage.querySelector(".heat")?.remove();
	}

	async function heat(item, button) {
		if (stage.querySelector(".heat")) {
			clear();
			button.setAttribute("aria-pressed", "false");
			return;
		}
		const { q, but, add, collection, run } = state();
		const text = [q.trim(), but, ...add.map((one) => one.text)].filter(Boolean).join(" ");
		asking = new AbortController();
		button.setAttribute("aria-busy", "true");
		try {
			const asked = { id: item.id, text, grid: GRID, ...(collection && { collection }), ...(run && { run }) };
			const map = await post("explain", asked, asking.signal);
			if (shown !== item.id) return;
			stage.querySelector(".stage-picture")?.append(draw(map));
			button.setAttribute("aria-pressed", "true");
		} catch (error) {
			if (!gone(error)) toastError(error);
		} finally {
			button.removeAttribute("aria-busy");
		}
	}

	return {
		element,
		forget() {
			shown = 0;
			clear();
			fill(element);
		},
		show(item, hit) {
			if (!hit?.why?.length) return;
			if (shown === item.id && element.childElementCount) return;
			shown = item.id;
			const now = state();
			const words = now.q.trim() || now.but || now.add.length;
			const button =
				words &&
				h(
					"button.button",
					{ type: "button", "aria-pressed": "false", onclick: () => heat(item, button) },
					icon("heat"),
					"Where in the picture",
				);
			fill(
				element,
				h("h3", null, "Why this one"),
				h(
					`p.verdict.verdict-${hit.bucket}`,
					null,
					h("span.band-dot", { "aria-hidden": "true" }),
					h("b", null, BUCKETS[hit.bucket]),
				),
				bars(hit.why),
				button,
			);
		},
	};
}

/** A bar per stage, to the right for what speaks for the picture, to the left for what speaks against it. */
function bars(why) {
	return h(
		"ul.stages",
		null,
		why.map(({ stage, score, text }) => {
			// A calibration speaks in log-odds, the others in cosines.
			const length = stage === "calibrate" ? 1 / (1 + Math.exp(-score)) : Math.min(1, Math.abs(score));
			const bar = h(`span.bar.bar-${score < 0 && stage !== "calibrate" ? "against" : "for"}`);
			bar.style.width = `${Math.max(1.5, length * 100)}%`;
			const value = stage === "calibrate" ? percent(length) : `${score < 0 ? "−" : "+"}${Math.abs(score).toFixed(3)}`;
			return h(
				"li",
				null,
				h("div.stage-line", null, h("b", null, NAMES[stage] ?? stage), h("span", null, value)),
				h("div.bar-track", { "aria-hidden": "true" }, bar),
				h("p", null, text),
			);
		}),
	);
}

/** The map as a small canvas, stretched smoothly over the picture. */
function draw({ rows, cols, values }) {
	const canvas = h("canvas.heat", {
		width: cols,
		height: rows,
		role: "img",
		"aria-label": "Warm where the words were found",
	});
	const brush = canvas.getContext("2d");
	const most = Math.max(1e-6, ...values.flat());
	const pixels = brush.createImageData(cols, rows);
	values.flat().forEach((value, i) => {
		const warmth = Math.max(0, value) / most;
		pixels.data.set(
			[255, Math.round(190 - 150 * warmth), Math.round(60 - 60 * warmth), Math.round(215 * warmth ** 1.2)],
			i * 4,
		);
	});
	brush.putImageData(pixels, 0, 0);
	return canvas;
}
