/** One picture of the wall. */

import { h, icon } from "./dom.js";
import { thumbnail } from "./api.js";
import { percent } from "./words.js";

export const DRAGGED = "application/x-openitr-item";

/**
 * @param {import("./grid.js").Item} item
 * @param {string} to address that a new tab would open
 * @param {string} collection
 * @returns {HTMLElement}
 */
export function tile(item, to, collection) {
	const image = h("img", { alt: "", decoding: "async", draggable: "false", src: thumbnail(item.id, collection) });
	const element = h(
		"a.tile",
		{ role: "option", href: to, "data-id": item.id, draggable: "true" },
		image,
		h("span.tile-words", { "aria-hidden": "true" }, h("span.tile-name", null, item.name), h("span.tile-sure")),
		h("span.tile-check", { "aria-hidden": "true" }, icon("check")),
	);
	rename(element, item);
	image.addEventListener("load", () => element.classList.add("tile-here"));
	image.addEventListener("error", () => element.classList.add("tile-broken"));
	element.addEventListener("dragstart", (event) => {
		event.dataTransfer?.setData(DRAGGED, String(item.id));
	});
	return element;
}

/** Say how likely a picture is by now. @param {HTMLElement} element @param {import("./grid.js").Item} item */
export function rename(element, item) {
	const sure = item.probability === undefined ? "" : percent(item.probability);
	const label = sure ? `${item.name}, ${item.bucket === "rest" ? "unlikely" : item.bucket}, ${sure}` : item.name;
	element.setAttribute("aria-label", label);
	element.querySelector(".tile-sure").textContent = sure;
	element.classList.toggle("tile-rest", item.bucket === "rest");
}

/** Show whether a picture is selected. @param {HTMLElement} element @param {boolean} selected */
export function mark(element, selected) {
	element.setAttribute("aria-selected", String(selected));
}

/** @param {HTMLElement} element @param {number} x @param {number} y @param {number} width @param {number} height */
export function place(element, x, y, width, height) {
	const { style } = element;
	style.transform = `translate(${x}px, ${y}px)`;
	style.width = `${width}px`;
	style.height = `${height}px`;
}
