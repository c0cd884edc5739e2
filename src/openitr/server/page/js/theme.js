/** Light or dark: as the system has it, or as chosen here. */

import { fill, icon, iconButton } from "./dom.js";

const KEY = "openitr.theme";
const ORDER = ["", "light", "dark"];
const SHOWN = {
	"": ["half", "Colours: as the system"],
	light: ["sun", "Colours: light"],
	dark: ["moon", "Colours: dark"],
};

export function themeButton() {
	const now = () => document.documentElement.dataset.theme ?? "";
	const show = () => {
		const [sign, label] = SHOWN[now()];
		fill(button, icon(sign));
		button.setAttribute("aria-label", label);
		button.title = label;
	};
	const button = iconButton("half", "", () => {
		const next = ORDER[(ORDER.indexOf(now()) + 1) % ORDER.length];
		if (next) document.documentElement.dataset.theme = next;
		else delete document.documentElement.dataset.theme;
		try {
			localStorage.setItem(KEY, next);
		} catch {
			// It holds until the page is left.
		}
		show();
	});
	show();
	return button;
}
