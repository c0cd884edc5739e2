/** The bar that shows what is selected and what can be done with it. */

import { h, fill, icon, iconButton } from "./dom.js";
import { copyPaths, exportItems, removeItems } from "./actions.js";
import { readOnly } from "./served.js";
import { announce } from "./say.js";
import { counted } from "./words.js";
import { blank, go, state } from "./state.js";
import * as selection from "./selection.js";

const MOST_ASKED = 6;

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
	const show = () => {
		const count = selection.count();
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
					button("similar", "More like these", ask),
					button("download", "Export", () => exportItems(ids())),
					button("copy", "Copy paths", () => copyPaths(selection.items())),
					!readOnly() && button("trash", "Remove", () => removeItems(ids())),
				),
			);
		}
	};
	selection.onChange(show);
	show();
}
