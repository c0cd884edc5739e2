/** What the question is made of beside the words in the box, each piece with its weight and a way to take it out. */

import { h, icon, fill } from "./dom.js";
import { thumbnail } from "./api.js";
import { find, hold } from "./pictures.js";
import { go, state } from "./state.js";
import { filter } from "./words.js";
import { toastError } from "./say.js";

/** @typedef {import("./state.js").State} State */

function preview(ref) {
	if (!ref.startsWith("@")) return thumbnail(Number(ref.replace("#", "")), state().collection);
	return find(ref)?.data ?? "";
}

function named(ref) {
	return ref.startsWith("@") ? (find(ref)?.name ?? "a picture of another tab") : `picture ${ref.replace("#", "")}`;
}

function image(ref) {
	const source = preview(ref);
	return source ? h("img.chip-picture", { src: source, alt: "" }) : h("span.chip-picture.chip-lost", null);
}

function chip({ kind, label, shown, weight, most = 3, onweight, onremove }) {
	const parts = [h("span.chip-words", null, shown)];
	if (onweight) {
		const pop = h("div.pop.weigh", { popover: "", id: `weight-${crypto.getRandomValues(new Uint32Array(1))[0]}` });
		const said = h("output", null, `× ${weight}`);
		const slider = h("input", {
			type: "range",
			min: 0.1,
			max: most,
			step: 0.1,
			value: weight,
			"aria-label": `Weight of ${label}`,
			oninput: () => (said.textContent = `× ${slider.value}`),
			onchange: () => onweight(Number(slider.value)),
		});
		const lighter = h("small", null, "less");
		fill(
			pop,
			h("label", null, "How much it counts", said),
			h("div.weigh-line", null, lighter, slider, h("small", null, "more")),
		);
		const button = h(
			"button.chip-weight",
			{
				type: "button",
				popovertarget: pop.id,
				title: "Change how much it counts",
				"aria-label": `Weight of ${label}: ${weight}`,
			},
			`×${weight}`,
		);
		anchor(button, pop);
		parts.push(button, pop);
	}
	const out = { type: "button", "aria-label": `Take out ${label}`, onclick: onremove };
	const remove = h("button.chip-out", out, icon("close"));
	return h(`li.chip.chip-${kind}`, null, parts, remove);
}

/** Put a popover below its button. @param {HTMLElement} button @param {HTMLElement} pop */
export function anchor(button, pop) {
	pop.addEventListener("beforetoggle", (event) => {
		if (event.newState !== "open") return;
		const box = button.getBoundingClientRect();
		pop.style.top = `${Math.round(box.bottom + 6)}px`;
		pop.style.left = `${Math.round(Math.max(8, Math.min(box.left, innerWidth - 308)))}px`;
	});
}

function chipsOf(now, changes) {
	const without = (name, i) => () => go({ [name]: now[name].filter((_, j) => j !== i), item: 0 });
	const reweigh = (name, i) => (weight) =>
		go({ [name]: now[name].map((one, j) => (j === i ? { ...one, weight } : one)) }, { replace: true });
	const composed = now.q.trim() || now.add.length || now.image.length > 1;
	return [
		...now.image.map(({ ref, weight }, i) =>
			chip({
				kind: "image",
				label: named(ref),
				shown: [image(ref), h("span", null, ref.startsWith("@") ? named(ref) : `Like this one`)],
				weight,
				onweight: composed ? reweigh("image", i) : undefined,
				onremove: now.image.length === 1 ? () => go({ image: [], but: "", strength: 1, item: 0 }) : without("image", i),
			}),
		),
		changes &&
			now.but &&
			chip({
				kind: "but",
				label: now.but,
				shown: [h("b", null, "but "), now.but],
				weight: now.strength,
				most: 4,
				onweight: (strength) => go({ strength }, { replace: true }),
				onremove: () => go({ but: "", strength: 1 }),
			}),
		...now.add.map(({ text, weight }, i) =>
			chip({
				kind: "add",
				label: text,
				shown: [h("b", null, "also "), text],
				weight,
				onweight: reweigh("add", i),
				onremove: without("add", i),
			}),
		),
		...now.not.map((text, i) => {
			const isPicture = /^(@\w+|#\d+)$/.test(text);
			const label = isPicture ? named(text) : text;
			const shown = [h("b", null, "not "), isPicture ? image(text) : text];
			return chip({ kind: "not", label: `not ${label}`, shown, onremove: without("not", i) });
		}),
		...now.where.map((text, i) =>
			chip({ kind: "where", label: filter(text), shown: filter(text), onremove: without("where", i) }),
		),
	];
}

/** The line of chips with the button that adds one.
 * @param {{changes?: boolean}} [options] changes: whether what should be different is said here */
export function chipLine({ changes = true } = {}) {
	const list = h("ul.chips", { "aria-label": "Parts of the question" });
	const adder = addButton();
	return {
		element: h("div.chip-line", null, list, adder.element),
		update(now) {
			fill(list, chipsOf(now, changes));
			list.hidden = !list.childElementCount;
			list.closest(".above")?.classList.toggle("with-chips", !list.hidden);
		},
	};
}

/** A button that opens a small form for a further piece. */
function addButton() {
	const pop = h("div.pop.adder", { popover: "", id: "adder" });
	const button = h("button.chip-more", { type: "button", popovertarget: "adder" }, icon("plus"), "Refine");
	anchor(button, pop);
	const file = h("input", {
		type: "file",
		accept: "image/*",
		hidden: true,
		onchange: async () => {
			try {
				for (const one of file.files ?? []) go({ not: [...state().not, await hold(one)] });
				pop.hidePopover();
			} catch (error) {
				toastError(error);
			}
			file.value = "";
		},
	});
	const line = (label, hint, take) => {
		const input = h("input", { type: "text", placeholder: hint, maxlength: 500, "aria-label": label });
		const onsubmit = (event) => {
			event.preventDefault();
			if (!input.value.trim()) return;
			take(input.value.trim());
			input.value = "";
			pop.hidePopover();
		};
		return h("form", { onsubmit }, h("label", null, label, input), h("button", { type: "submit" }, "Add"));
	};
	fill(
		pop,
		line("Also like", "further words, with a weight", (text) =>
			go({ add: [...state().add, { text, weight: 1 }], item: 0 }),
		),
		line("Not like", "words to stay away from", (text) => go({ not: [...state().not, text], item: 0 })),
		h("button.plain", { type: "button", onclick: () => file.click() }, icon("picture"), "Not like a picture …"),
		file,
	);
	return { element: h("div", null, button, pop) };
}
