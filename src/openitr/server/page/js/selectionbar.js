/** The bar that shows what is selected and what can be done with it. */

import { h, fill, icon, iconButton } from "./dom.js";
import { copyPaths, exportItems, removeItems } from "./actions.js";
import { readOnly } from "./served.js";
import { announce } from "./say.js";
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
	const ask = () => {
		const image = ids()
			.slice(0, MOST_ASKED)
			.map((id) => ({ ref: String(id), weight: 1 }));
		selection.clear();
		go({ ...blank(state()), image });
	};
	const point = async (close) => {
		const { talk } = await import("./chat.js");
		const chosen = ids();
		const likes = chosen.slice(0, MOST_ASKED).map((like) => ({ like }));
		const steps = close ? likes : [{ reject: chosen.slice(0, MOST_LEFT) }];
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
		if (host.childElementCount) fill(host.querySelector("p"), `${counted(count, "picture")} selected`);
		else {
			fill(
				host,
				h(
					"div.selection-bar",
					{ role: "toolbar", "aria-label": "Selected pictures" },
					iconButton("close", "Clear the selection", () => selection.clear()),
					h("p", null, `${counted(count, "picture")} selected`),
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
