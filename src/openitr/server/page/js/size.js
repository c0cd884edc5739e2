/** How tall the rows of the wall are; remembered by the browser. */

const KEY = "openitr.size";
export const SIZES = [110, 150, 200, 260, 340];

/** @type {Set<() => void>} */
const listeners = new Set();
let chosen = 2;
try {
	const kept = Number.parseInt(localStorage.getItem(KEY) ?? "", 10);
	if (kept >= 0 && kept < SIZES.length) chosen = kept;
} catch {
	// No storage: the usual size.
}

/** Which of the sizes is chosen. */
export function step() {
	return chosen;
}

/** @param {number} to */
export function setStep(to) {
	chosen = Math.max(0, Math.min(SIZES.length - 1, to));
	try {
		localStorage.setItem(KEY, String(chosen));
	} catch {
		// It holds until the page is left.
	}
	for (const listener of listeners) listener();
}

/** Row height in pixels; a small screen shows smaller pictures. */
export function target() {
	return innerWidth < 600 ? Math.round(SIZES[chosen] * 0.68) : SIZES[chosen];
}

/** @param {() => void} listener @returns {() => void} to stop listening */
export function onChange(listener) {
	listeners.add(listener);
	return () => listeners.delete(listener);
}
