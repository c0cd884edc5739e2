/** Puts the page together: the state decides which view stands in the middle, and everything follows the state. */

import { onKeyNeeded } from "./api.js";
import { onTouched } from "./actions.js";
import { followLinks, topBar } from "./bar.js";
import { fill } from "./dom.js";
import { listenForKeys } from "./keys.js";
import { lightbox } from "./lightbox.js";
import { searchBox } from "./searchbox.js";
import { note, searchView } from "./searchview.js";
import { selectionBar } from "./selectionbar.js";
import { load, meet, session } from "./served.js";
import { signInDialog } from "./signin.js";
import { onChange, state } from "./state.js";
import * as selection from "./selection.js";

// What most visits never open is fetched when it is opened.
const VIEWS = {
	search: async () => searchView,
	duplicates: async () => (await import("./duplicates.js")).duplicatesView,
	collection: async () => (await import("./collection.js")).collectionView,
	compare: async () => (await import("./compare.js")).compareView,
};

const main = document.getElementById("main");
const bar = document.getElementById("bar");
const tabs = document.getElementById("tabs");

/** @type {{update: (now: import("./state.js").State) => any, close: () => void, grid: import("./grid.js").Grid | null} | null} */
let view = null;
let viewName = "";

const grid = () => view?.grid ?? null;
const viewer = lightbox({ list: grid });
let helping = null;
const help = async () => {
	helping ??= import("./help.js").then(({ helpDialog }) => helpDialog());
	(await helping)();
};
const box = searchBox({ down: () => grid()?.focus(grid()?.active ?? 0) });
const top = topBar(bar, tabs, { box: box.element, help });
const door = signInDialog(() => begin());

async function show() {
	const now = state();
	viewer.update(now);
	if (viewName !== now.view) {
		const make = await VIEWS[now.view]();
		if (state().view !== now.view) return;
		if (viewName !== now.view) mount(now.view, make);
	}
	await view?.update(state());
	viewer.relist();
}

function mount(name, make) {
	view?.close();
	fill(main);
	viewName = name;
	main.className = `view-${name}`;
	view = make(main);
}

async function begin() {
	try {
		await meet();
		if (session().key_needed && !session().signed_in) {
			door();
			return;
		}
		await load();
	} catch (error) {
		const { message, remedy, status } = error;
		if (status !== 401) fill(main, note("warn", message, remedy));
		return;
	}
	top.show();
	await show();
}

followLinks();
selectionBar(document.getElementById("selection"));
onKeyNeeded(() => door());
onTouched(() => show());
onChange(async (now, before) => {
	if (now.collection !== before.collection) {
		selection.clear();
		await load().catch(() => {});
		top.show();
	}
	show();
});
listenForKeys({ focus: box.focus, help, escape: () => selection.clear() });
begin();
