/** Elements, without markup in strings: what a file is called can never become part of the page. */

import { PATHS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Build an element: `h("button.primary", {type: "button", onclick: save}, "Save")`.
 *
 * Names beginning with "on" become listeners, true and false become boolean attributes, null and undefined are left
 * out, everything else becomes an attribute. There is no way to set style this way: the page's policy forbids it.
 *
 * @param {string} tag name, then classes after dots
 * @param {Record<string, any> | null} [props]
 * @param {...(Node | string | number | null | undefined | false | Array<any>)} children
 * @returns {any}
 */
export function h(tag, props, ...children) {
	const [name, ...classes] = tag.split(".");
	const element = document.createElement(name);
	if (classes.length) element.className = classes.join(" ");
	for (const [key, value] of Object.entries(props ?? {})) {
		if (value === null || value === undefined || value === false) continue;
		if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
		else element.setAttribute(key, value === true ? "" : String(value));
	}
	append(element, children);
	return element;
}

function append(element, children) {
	for (const child of children.flat(Infinity)) {
		if (child === null || child === undefined || child === false) continue;
		element.append(child instanceof Node ? child : String(child));
	}
}

/** Put children in place of what an element has. @param {Element} element @param {...any} children */
export function fill(element, ...children) {
	element.replaceChildren();
	append(element, children);
}

/** @param {any} select @param {string[][]} pairs values and texts @param {string} chosen */
export function offer(select, pairs, chosen) {
	const drawn = JSON.stringify([pairs, chosen]);
	if (select.drawn === drawn) return;
	select.drawn = drawn;
	fill(select, pairs.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}

/** A line drawing, hidden from screen readers. @param {keyof typeof PATHS} name */
export function icon(name) {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("viewBox", "0 0 24 24");
	svg.setAttribute("aria-hidden", "true");
	svg.classList.add("icon");
	const path = document.createElementNS(SVG, "path");
	path.setAttribute("d", PATHS[name]);
	svg.append(path);
	return svg;
}

/**
 * A button that shows an icon and says what it does.
 * @param {keyof typeof PATHS} name
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {Record<string, any>} [props]
 */
export function iconButton(name, label, onclick, props = {}) {
	return h("button.icon-button", { type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

/** Whether a key was meant for a field to write in. @param {EventTarget | null} target */
export function writes(target) {
	if (!(target instanceof HTMLElement)) return false;
	if (target instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button"].includes(target.type);
	return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
