/** The door, when the server was started with a key. */

import { erase, post } from "./api.js";
import { h, fill } from "./dom.js";

/** @param {() => void} then what to do once inside */
export function signInDialog(then) {
	const key = h("input", {
		type: "password",
		id: "key",
		autocomplete: "current-password",
		required: true,
		maxlength: 500,
	});
	const said = h("p.wrong", { role: "alert" });
	const dialog = h("dialog.asks.door", { "aria-labelledby": "door-title" });
	const onsubmit = async (event) => {
		event.preventDefault();
		fill(said);
		try {
			await post("session", { key: key.value });
			key.value = "";
			dialog.close();
			then();
		} catch (error) {
			const { status, message, remedy } = error;
			fill(said, status === 401 ? "That is not the key." : [message, " ", remedy]);
			key.select();
		}
	};
	dialog.append(
		h(
			"form",
			{ onsubmit },
			h("img", { src: "static/icon.svg", alt: "", width: 48, height: 48 }),
			h("h2", { id: "door-title" }, "OpenITR"),
			h("label", { for: "key" }, "The key of this server"),
			key,
			said,
			h("button.button.primary", { type: "submit" }, "Come in"),
		),
	);
	dialog.addEventListener("cancel", (event) => event.preventDefault());
	document.body.append(dialog);
	return () => dialog.open || (dialog.showModal(), key.focus());
}

/** Leave; the page asks for the key again. */
export async function signOut() {
	await erase("session");
	location.reload();
}
