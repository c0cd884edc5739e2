/** A picture, but different: what should be, and two sliders for how much, answered while they move. */

import { h, offer } from "./dom.js";
import { offered } from "./served.js";
import { go, state } from "./state.js";

const TYPED_MS = 400;
const SLID_MS = 80;
const MOST_STRENGTH = 4;
const MOST_WEIGHT = 3;
const LEAST_WEIGHT = 0.1;
const WAYS = { pdv: "a direction", weimocir: "a mean of both", cirevl: "a description, changed" };

/** Call a function once nothing has come for a while. */
function later(wait, call) {
	let timer = 0;
	const settled = (...given) => {
		clearTimeout(timer);
		timer = setTimeout(call, wait, ...given);
	};
	settled.now = (...given) => {
		clearTimeout(timer);
		call(...given);
	};
	return settled;
}

function slider(label, ends, { min, max }, told) {
	const said = h("output", { "aria-hidden": "true" });
	const input = h("input", { type: "range", min, max, step: 0.1, "aria-label": label });
	const show = (value) => {
		said.textContent = `×${value}`;
		input.setAttribute("aria-valuetext", `${value} times`);
	};
	const slid = later(SLID_MS, told);
	input.addEventListener("input", () => {
		show(Number(input.value));
		slid(Number(input.value));
	});
	input.addEventListener("change", () => slid.now(Number(input.value)));
	return {
		element: h(
			"div.dial",
			null,
			h("span", null, label, said),
			h("small", null, ends[0]),
			input,
			h("small", null, ends[1]),
		),
		set(value) {
			// What is being moved knows best where it is.
			if (document.activeElement !== input || Math.abs(Number(input.value) - value) > 0.05) input.value = value;
			show(Number(input.value));
		},
	};
}

export function differentForm() {
	const words = h("input", {
		type: "text",
		placeholder: "in red, at night, without people …",
		maxlength: 300,
		autocomplete: "off",
		"aria-label": "But different: what should not be as in the picture",
	});
	let typing = false;
	const ask = () => {
		const but = words.value.trim();
		if (but === state().but || !state().image.length) return;
		go({ but, ...(but ? {} : { strength: 1 }), rest: false, item: 0 }, { replace: typing });
		typing = true;
	};
	const typed = later(TYPED_MS, ask);
	words.addEventListener("input", () => typed());
	words.addEventListener("blur", () => (typing = false));
	const change = slider("How different", ["as it is", "very"], { min: 0, max: MOST_STRENGTH }, (strength) => {
		if (state().but) go({ strength }, { replace: true });
	});
	const much = { min: LEAST_WEIGHT, max: MOST_WEIGHT };
	const picture = slider("The picture counts", ["little", "much"], much, (weight) => {
		const { image } = state();
		if (image.length === 1) go({ image: [{ ...image[0], weight }] }, { replace: true });
	});
	const way = h("select", {
		"aria-label": "How it is followed",
		onchange: () => go({ composer: way.value, item: 0 }, { replace: true }),
	});
	const dials = h("div.dials", { role: "group", "aria-label": "How much it counts" }, change.element, picture.element);
	const onsubmit = (event) => {
		event.preventDefault();
		typed.now();
		typing = false;
	};
	const element = h(
		"form.different",
		{ onsubmit, hidden: true, "aria-label": "The picture, but different" },
		h("label", null, h("b", null, "But"), words),
		way,
		dials,
	);
	return {
		element,
		update({ image, but, strength, composer, chat }) {
			element.hidden = !image.length || Boolean(chat);
			if (document.activeElement !== words || (!typing && words.value.trim() !== but)) words.value = but;
			dials.hidden = !but;
			const ways = offered("composers");
			way.hidden = !but || image.length !== 1 || !ways.length;
			offer(way, [["", "As weighted words"], ...ways.map((name) => [name, `As ${WAYS[name] ?? name}`])], composer);
			picture.element.hidden = image.length !== 1;
			change.set(strength);
			picture.set(image[0]?.weight ?? 1);
		},
	};
}
