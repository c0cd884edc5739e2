/** The conversation beside the wall: what was said, what is asked, what was left out. */

import { thumbnail } from "./api.js";
import { h, fill, icon, iconButton } from "./dom.js";
import { announce, toastError } from "./say.js";
import { go, state } from "./state.js";
import { kept, seen, turn } from "./talk.js";
import { counted } from "./words.js";

const MOST_SHOWN = 24;

/** The conversation that goes on, whether or not the wall shows it now. */
let current = "";
let home = "";
let busy = false;

/** The conversation to go on with: that of the address, or the last one about this collection. */
function present() {
	const { chat, collection } = state();
	if (home !== collection) current = "";
	home = collection;
	if (chat) current = chat;
	return current;
}

/**
 * Take a step and show what it finds.
 * @param {Record<string, any>} step
 * @returns {Promise<boolean>} whether it was taken
 */
export async function talk(step) {
	if (busy) return false;
	busy = true;
	document.querySelector(".chat")?.setAttribute("aria-busy", "true");
	try {
		const mark = await turn(present(), step);
		current = mark;
		go({ panel: "chat", chat: mark, item: 0, view: "search" });
		return true;
	} catch (error) {
		toastError(error);
		return false;
	} finally {
		busy = false;
		document.querySelector(".chat")?.removeAttribute("aria-busy");
	}
}

function pictures(ids, label) {
	const shown = ids.slice(0, MOST_SHOWN);
	const rest = ids.length - shown.length;
	return h(
		"ul.chat-pictures",
		{ "aria-label": label },
		shown.map((id) =>
			h("li", null, h("img", { src: thumbnail(id, state().collection), alt: `picture ${id}`, loading: "lazy" })),
		),
		rest > 0 && h("li", null, `and ${rest} more`),
	);
}

/** One turn: what was said or pointed at, then what was asked. */
function line({ said, liked, rejected, question }) {
	const mine = liked.length
		? [h("p", null, "Close to this"), pictures(liked, "Close")]
		: rejected.length
			? [h("p", null, rejected.length === 1 ? "Not this" : "Not these"), pictures(rejected, "Left out")]
			: h("p", null, said);
	return [
		h("li.chat-mine", null, h("span.unseen", null, "You: "), mine),
		question && h("li.chat-theirs", null, h("p", null, question.text)),
	];
}

function found({ counts: { likely, maybe }, total, question }) {
	const few = maybe ? `Nothing likely, ${maybe} maybe` : "Nothing likely";
	const many = likely ? `${likely} likely, ${maybe} maybe` : few;
	const more = question ? "" : " Say more, or point at pictures.";
	return `${many}, in ${counted(total, "picture")}.${more}`;
}

/** @param {HTMLElement} place the panel is put into it */
export function chatPanel(place) {
	const log = h("ol.chat-log", { role: "log", "aria-label": "What was said", tabindex: 0 });
	const status = h("p.chat-found", { role: "status" });
	const notes = h("ul.chat-notes", { "aria-label": "Notes" });
	const options = h("div.chat-options", { role: "group", "aria-label": "Answers" });
	const out = h("details.chat-out");
	const input = h("input", {
		type: "text",
		maxlength: 2000,
		autocomplete: "off",
		enterkeyhint: "send",
		"aria-label": "Say what the picture shows, or answer",
	});
	const undo = iconButton("undo", "Take the last step back", () => back());
	const anew = h("button.plain", { type: "button", onclick: () => begin() }, "New");
	const onsubmit = async (event) => {
		event.preventDefault();
		const say = input.value.trim();
		if (!say) input.focus();
		else if (await talk({ say })) input.value = "";
	};
	const body = h(
		"div.chat-body",
		null,
		log,
		status,
		notes,
		options,
		out,
		h(
			"p.quiet.chat-hint.only-wide",
			null,
			"On a picture: ",
			h("kbd", null, "l"),
			" close to it, ",
			h("kbd", null, "n"),
			" not it.",
		),
	);
	const element = h(
		"aside.chat",
		{ "aria-label": "Conversation" },
		h(
			"div.filters-head",
			null,
			h("h2", null, "Find it together"),
			undo,
			anew,
			iconButton("close", "Close the conversation", () => go({ panel: "", chat: "" })),
		),
		body,
		h(
			"form.chat-say",
			{ onsubmit },
			input,
			h("button.icon-button", { type: "submit", "aria-label": "Send", title: "Send" }, icon("send")),
		),
	);
	place.append(element);
	let lines = [];
	let drawn = 0;

	function begin() {
		current = "";
		if (state().chat) go({ chat: "" });
		else update(state());
		input.focus();
	}

	async function back() {
		const turns = kept(present())?.turns ?? [];
		if (turns.length < 2) begin();
		else if (!(await talk({ undo: true }))) return;
		announce("Taken back");
	}

	/** What was said; lines that stand are left alone, so that only new ones are read out. */
	function drawLog(turns) {
		const texts = turns.map((one) => JSON.stringify(one));
		const same = lines.length <= texts.length && lines.every((text, i) => text === texts[i]);
		if (!same) fill(log);
		for (const one of turns.slice(same ? lines.length : 0)) for (const part of line(one)) part && log.append(part);
		lines = texts;
		log.hidden = !turns.length;
	}

	function update(now) {
		const opened = element.hidden && now.panel === "chat";
		element.hidden = now.panel !== "chat";
		if (element.hidden) return;
		present();
		if (opened) open(now);
		const turns = kept(present())?.turns ?? [];
		const answer = current ? seen(current) : null;
		const question = turns.at(-1)?.question;
		drawLog(turns);
		undo.disabled = anew.disabled = !turns.length;
		const opening = turns.length ? "" : "Say what the picture shows. What tells the most is asked then.";
		fill(status, answer ? found(answer) : opening);
		fill(notes, answer?.notes.map((text) => h("li", null, text)));
		const focused = options.contains(document.activeElement);
		fill(
			options,
			question?.options.map((text) =>
				h("button.button", { type: "button", onclick: () => talk({ say: text }) }, text),
			),
			question && h("button.plain", { type: "button", onclick: () => talk({ say: "not sure" }) }, "Not sure"),
		);
		if (focused) (options.querySelector("button") ?? input).focus();
		const excluded = answer?.excluded ?? turns.flatMap((one) => one.rejected);
		if (turns.length !== drawn) body.scrollTop = log.offsetHeight;
		drawn = turns.length;
		out.hidden = !excluded.length;
		fill(out, h("summary", null, `${counted(excluded.length, "picture")} left out`), pictures(excluded, "Left out"));
		input.placeholder = question ? "Or answer in your words" : turns.length ? "Say more" : "A dog on a beach …";
	}

	/** A conversation that was left goes on where it was; a new one may begin with what was looked for. */
	function open(now) {
		if (now.chat) return;
		if (current) queueMicrotask(() => state().panel === "chat" && go({ chat: current }, { replace: true }));
		else input.value = now.q;
		input.focus();
	}

	element.hidden = true;
	return { update };
}

/**
 * Pointing at pictures of the wall while a conversation is shown: two marks on the one under the pointer, two keys.
 * @param {HTMLElement} host
 */
export function pointing(host) {
	const mark = (name, sign, label) => h(`span.judge-${name}`, { title: label }, icon(sign));
	const marks = h(
		"span.judge",
		{ "aria-hidden": "true" },
		mark("like", "heart", "Close to it (l)"),
		mark("not", "close", "Not it (n)"),
	);
	const over = (event) => {
		const tile = event.target.closest?.(".tile");
		if (!state().chat) marks.remove();
		else if (tile && marks.parentNode !== tile) tile.append(marks);
	};
	const judge = (tile, close) => {
		const id = Number(tile.dataset.id);
		talk(close ? { like: id } : { reject: [id] });
	};
	host.addEventListener("pointerover", over);
	host.addEventListener("focusin", over);
	host.addEventListener(
		"click",
		(event) => {
			const hit = event.target.closest(".judge > span");
			if (!hit || event.button) return;
			event.preventDefault();
			event.stopPropagation();
			judge(hit.closest(".tile"), hit.matches(".judge-like"));
		},
		{ capture: true },
	);
	host.addEventListener("keydown", (event) => {
		const tile = event.target.closest?.(".tile");
		if (!tile || !state().chat || event.ctrlKey || event.metaKey || event.altKey) return;
		if (event.key !== "l" && event.key !== "n") return;
		event.preventDefault();
		event.stopPropagation();
		judge(tile, event.key === "l");
	});
}
