/** Keys that work wherever one is. */

import { writes } from "./dom.js";
import { blank, go, state } from "./state.js";
import * as size from "./size.js";

const VIEWS = { p: "search", d: "duplicates", c: "collection", m: "compare" };
const CHORD_MS = 1200;

/** @param {{focus: () => void, help: () => void, escape: () => void}} does */
export function listenForKeys({ focus, help, escape }) {
	let chord = 0;
	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
		if (writes(event.target) || document.querySelector("dialog[open]")) return;
		const view = VIEWS[event.key];
		const act =
			view && event.timeStamp - chord < CHORD_MS
				? () => go({ ...(view === "search" || view === "compare" ? state() : blank(state())), view: view, item: 0 })
				: {
						"/": focus,
						"?": help,
						f: () => go({ panel: state().panel === "filters" ? "" : "filters" }, { replace: true }),
						t: () => go({ view: "search", panel: state().panel === "chat" ? "" : "chat", item: 0 }),
						g: () => (chord = event.timeStamp),
						"[": () => size.setStep(size.step() - 1),
						"]": () => size.setStep(size.step() + 1),
						Escape: escape,
					}[event.key];
		if (!act) return;
		event.preventDefault();
		act();
	});
}
