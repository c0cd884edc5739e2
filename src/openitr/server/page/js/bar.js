/** The top of the page: the box, the ways to other views, colours, help. */

import { h, fill, icon, iconButton, offer } from "./dom.js";
import { served, session, collectionName } from "./served.js";
import { blank, go, href, onChange, parse, state } from "./state.js";
import { signOut } from "./signin.js";
import { themeButton } from "./theme.js";

const VIEWS = [
	["search", "grid", "Pictures"],
	["duplicates", "layers", "Duplicates"],
	["collection", "database", "Collection"],
	["compare", "columns", "Compare"],
];

/** @param {HTMLElement} bar @param {HTMLElement} tabs @param {{box: Element, help: () => void}} parts */
export function topBar(bar, tabs, { box, help }) {
	const home = h(
		"a.home",
		{ href: "?", "data-go": "", "aria-label": "OpenITR, all pictures" },
		h("img", { src: "static/icon.svg", alt: "", width: 30, height: 30 }),
	);
	const wide = h("nav.views", { "aria-label": "Views" });
	const chosen = h("span.chosen");
	const out = iconButton("out", "Sign out", () => signOut(), { hidden: true });
	fill(
		bar,
		home,
		box,
		chosen,
		wide,
		h(
			"div.bar-end",
			null,
			themeButton(),
			iconButton("help", "Keys and help", help, { class: "icon-button only-wide" }),
			out,
		),
	);

	const show = () => {
		const now = state();
		const links = () =>
			VIEWS.map(([view, sign, text]) => {
				const to =
					view === "search" || view === "compare" ? { view, item: 0, page: 1, kind: "" } : { ...blank(now), view };
				return h(
					"a",
					{ href: href(to), "data-go": "", title: text, "aria-current": now.view === view ? "page" : null },
					icon(sign),
					h("span", null, text),
				);
			});
		home.href = href(blank(now));
		fill(wide, links());
		fill(tabs, links());
		fill(chosen, served().length > 1 && collections());
		out.hidden = !(session().key_needed && session().signed_in);
	};
	onChange(show);
	return { show };
}

/** A choice of collection. */
export function collections() {
	const { view } = state();
	const onchange = () => go({ ...blank(state()), view, collection: select.value, run: "", versus: "" });
	const select = h("select", { "aria-label": "Collection", onchange });
	offer(select, served().map(({ name }) => [name, name]), collectionName());
	return select;
}

/** Links marked data-go change the state instead of loading the page again. */
export function followLinks() {
	document.addEventListener("click", (event) => {
		const link = event.target.closest("a[data-go]");
		if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
		event.preventDefault();
		go(parse(new URL(link.href).search));
	});
}
