/** The keys, shown by "?". */

import { h, iconButton } from "./dom.js";

const KEYS = [
	[
		"Everywhere",
		[
			["/", "to the search box"],
			["?", "this help"],
			["Esc", "close, or leave the box"],
			["f", "filters"],
			["t", "a conversation: find it together"],
			["g then p, d, c, m", "pictures, duplicates, collection, compare models"],
		],
	],
	[
		"Among the pictures",
		[
			["↓", "from the box to the pictures"],
			["← ↑ ↓ →", "move"],
			["Enter", "open"],
			["x or Space", "select"],
			["l, n", "in a conversation: close to it, not it"],
			["Shift + arrow", "select on the way"],
			["Home End", "first, last"],
			["[ ]", "smaller, larger pictures"],
		],
	],
	[
		"In a picture",
		[
			["← →", "previous, next"],
			["m", "more like this"],
			["x", "select"],
			["i", "facts"],
			["Esc", "back"],
		],
	],
	[
		"In the box",
		[
			["red car -truck", "a red car, staying away from trucks"],
			['-"some words"', "stay away from several words"],
			["Ctrl + V", "search by a picture that was copied"],
		],
	],
];

export function helpDialog() {
	const dialog = h("dialog.help", { "aria-labelledby": "help-title" });
	dialog.append(
		h(
			"header",
			null,
			h("h2", { id: "help-title" }, "Keys"),
			iconButton("close", "Close", () => dialog.close()),
		),
		h(
			"div.help-lists",
			null,
			KEYS.map(([title, keys]) =>
				h(
					"section",
					null,
					h("h3", null, title),
					h(
						"dl",
						null,
						keys.map(([name, does]) => [h("dt", null, h("kbd", null, name)), h("dd", null, does)]),
					),
				),
			),
		),
	);
	dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
	document.body.append(dialog);
	return () => dialog.open || dialog.showModal();
}
