/** The bar that shows what is selected and what can be done with it. */

import { h, fill, icon, iconButton } from "./dom.js";
import { copyPaths, exportItems, removeItems } from "./actions.js";
import { readOnly } from "./served.js";
import { announce, toast } from "./say.js";
import { counted } from "./words.js";
import { blank, go, onChange, state } from "./state.js";
import * as selection from "./selection.js";

const MOST_ASKED = 6;
const MOST_LEFT = 1000;

/** @param {HTMLElement} host */
export function selectionBar(host) {
	const button = (sign, text, onclick) =>
		h("button.tool", { type: "button", onclick, "aria-label": text, title: text }, icon(sign), h("span", null, text));
	const ids = () => selection.items().map(({ id }) => id);
	const few = () => {
		const chosen = ids();
		if (chosen.length > MOST_ASKED) toast(`A question takes ${MOST_ASKED} pictures: those selected first.`);
		return chosen.slice(0, MOST_ASKED);
	};
	const ask = () => {
		const image = few().map((id) => ({ ref: String(id), weight: 1 }));
		selection.clear();
		go({ ...blank(state()), image });
	};
	const point = async (close) => {
		const { talk } = await import("./chat.js");
		const steps = close ? few().map((like) => ({ like })) : [{ reject: ids().slice(0, MOST_LEFT) }];
		for (const step of steps) if (!(await talk(step))) return;
		selection.clear();
	};
	const close = button("heart", "Close to it", () => point(true));
	const not = button("minus", "Not these", () => point(false));
	const show = () => {
		const count = selection.count();
		close.hidden = not.hidden = !state().chat;
		host.classList.toggle("selection-open", count > 0);
		if (!count) {
			fill(host);
			return;
		}
		announce(`${count} selected`);
		const said = `${counted(count, "picture")} selected`;
		if (host.childElementCount) fill(host.querySelector("p"), said);
		else {
			fill(
				host,
				h(
					"div.selection-bar",
					{ role: "toolbar", "aria-label": "Selected pictures" },
					iconButton("close", "Clear the selection", () => selection.clear()),
					h("p", null, said),
					close,
					not,
					button("similar", "More like these", ask),
					button("download", "Export", () => exportItems(ids())),
					button("copy", "Copy paths", () => copyPaths(selection.items())),
					!readOnly() && button("trash", "Remove", () => removeItems(ids())),
				),
			);
		}
	};
	selection.onChange(show);
	onChange(show);
	show();
}
