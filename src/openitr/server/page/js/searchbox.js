/** The one box: words are typed, pictures are chosen, pasted or dropped anywhere on the page. */

import { h, icon, iconButton, fill } from "./dom.js";
import { hold } from "./pictures.js";
import { read } from "./query.js";
import { go, onChange, state } from "./state.js";
import { DRAGGED } from "./tile.js";
import { toast } from "./say.js";

const WAIT_MS = 350;
const MOST_PICTURES = 6;

/** @param {{down: () => void}} does down: the arrow key that leads to the pictures */
export function searchBox(does) {
	const input = h("input.box-words", {
		type: "search",
		id: "words",
		"aria-label": "Search in words",
		autocomplete: "off",
		autocapitalize: "off",
		spellcheck: "false",
		enterkeyhint: "search",
		maxlength: 2000,
	});
	const file = h("input", {
		type: "file",
		accept: "image/*,.heic,.heif,.tif,.tiff,.psd",
		multiple: true,
		hidden: true,
		tabindex: -1,
	});
	const clear = iconButton("close", "Clear the search", () => {
		input.value = "";
		go({ q: "", add: [], image: [], but: "", strength: 1, not: [], chat: "", rest: false, item: 0 });
		input.focus();
	});
	clear.classList.add("box-clear");
	const choose = iconButton("picture", "Search by a picture (or paste or drop one)", () => file.click());
	const form = h("form.box", { role: "search", "aria-label": "Pictures" }, icon("search"), input, clear, choose, file);

	let timer = 0;
	let typing = false;
	const live = () => {
		const typed = input.value;
		// A thing to avoid is read once it is finished; a space at the end is not a new question.
		if (/(^|\s)-$/.test(typed) || read(typed).not.length || typed.trim() === state().q.trim()) return;
		if (typed.trim().length === 1) return;
		go({ q: typed.trim(), rest: false, item: 0, ...searching() }, { replace: typing });
		typing = true;
	};
	input.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(live, WAIT_MS);
		form.classList.toggle("box-filled", filled());
	});
	input.addEventListener("blur", () => (typing = false));
	input.addEventListener("keydown", (event) => {
		if (event.key === "ArrowDown") {
			event.preventDefault();
			does.down();
		} else if (event.key === "Escape" && !input.value) input.blur();
	});
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		clearTimeout(timer);
		const { q, not } = read(input.value);
		input.value = q;
		go({ q, not: [...new Set([...state().not, ...not])], rest: false, item: 0, ...searching() }, { replace: typing });
		typing = false;
		if (matchMedia("(pointer: coarse)").matches) input.blur();
	});
	file.addEventListener("change", async () => {
		await takePictures([...(file.files ?? [])]);
		file.value = "";
	});

	const filled = () => Boolean(input.value || state().image.length || state().add.length || state().not.length);
	const show = () => {
		const { q, image } = state();
		if (document.activeElement !== input || input.value.trim() !== q.trim())
			if (!typing || !q.startsWith(input.value.trim())) input.value = q;
		input.placeholder = image.length ? "Add words to the picture" : "Describe a picture, or drop one here";
		form.classList.toggle("box-filled", filled());
	};
	onChange(show);
	show();
	listenForPictures();
	return { element: form, focus: () => (input.focus(), input.select()) };
}

/** A question asked from another view leads back to the pictures; a comparison asks where it is. */
function searching() {
	const { view } = state();
	return { view: view === "compare" ? view : "search", chat: "" };
}

/** @param {File[]} files */
export async function takePictures(files) {
	const room = MOST_PICTURES - state().image.length;
	try {
		const refs = [];
		for (const file of files.slice(0, Math.max(0, room))) refs.push(await hold(file));
		addPictures(refs);
		if (files.length > room) toast(`A question takes ${MOST_PICTURES} pictures at most.`);
	} catch (error) {
		toast(`${error.message}.`, "Use a JPEG, PNG, WebP, GIF, AVIF, HEIC or TIFF picture.");
	}
}

function addPictures(refs) {
	const there = new Set(state().image.map(({ ref }) => ref));
	const fresh = refs.filter((ref) => !there.has(ref)).map((ref) => ({ ref, weight: 1 }));
	if (fresh.length) go({ image: [...state().image, ...fresh], rest: false, item: 0, ...searching() });
}

/** Pictures may come from the clipboard or be dropped anywhere. */
function listenForPictures() {
	const sign = h("div.drop", { hidden: true, "aria-hidden": "true" });
	fill(sign, h("div.drop-sign", null, icon("picture"), "Drop to search by this picture"));
	document.body.append(sign);

	document.addEventListener("paste", (event) => {
		const files = [...(event.clipboardData?.files ?? [])];
		if (!files.length) return;
		event.preventDefault();
		takePictures(files);
	});
	const ours = (event) =>
		[...(event.dataTransfer?.types ?? [])].some((type) => ["Files", DRAGGED, "text/uri-list"].includes(type));
	addEventListener("dragover", (event) => {
		if (!ours(event)) return;
		event.preventDefault();
		sign.hidden = event.dataTransfer?.types.includes(DRAGGED) ?? false;
	});
	addEventListener("dragleave", (event) => {
		if (!event.relatedTarget) sign.hidden = true;
	});
	addEventListener("drop", (event) => {
		sign.hidden = true;
		const { dataTransfer: dropped } = event;
		if (!dropped || !ours(event)) return;
		event.preventDefault();
		const id = dropped.getData(DRAGGED);
		const files = [...dropped.files];
		const inBox = event.target instanceof Element && event.target.closest("#bar");
		if (id) {
			if (inBox) addPictures([id]);
		} else if (files.length) takePictures(files);
		else toast("Only files are taken, not addresses.", "Save the picture first, then drop the file.");
	});
}
