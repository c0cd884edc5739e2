/** Pictures that were pasted, dropped or chosen: kept by this tab, named in the address by a short mark. */

const SIDE = 512;
const MOST_BYTES = 20_000_000;
const KEY = "openitr.picture.";

/** @type {Map<string, {name: string, data: string}>} */
const held = new Map();

/** A mark made of what is marked, so that one picture has one mark. */
export function markOf(text) {
	let [a, b] = [0x811c9dc5, 0x1b873593];
	for (let i = 0; i < text.length; i++) {
		a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
		b = Math.imul(b + text.charCodeAt(i), 0x85ebca6b) ^ (b >>> 13);
	}
	return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}

/**
 * Take a picture in, no larger than a model looks at.
 * @param {Blob} file
 * @returns {Promise<string>} its reference, "@" and a mark
 */
export async function hold(file) {
	const name = file.name || "pasted picture";
	const data = await shrink(file).catch(() => asIs(file, name));
	const mark = markOf(data);
	held.set(mark, { name, data });
	try {
		sessionStorage.setItem(KEY + mark, JSON.stringify({ name, data }));
	} catch {
		// The tab's storage is full or forbidden: the picture lasts until the page is left.
	}
	return `@${mark}`;
}

/** @param {string} ref "@" and a mark @returns {{name: string, data: string} | null} null when this tab lacks it */
export function find(ref) {
	const mark = ref.slice(1);
	if (!held.has(mark)) {
		try {
			const kept = sessionStorage.getItem(KEY + mark);
			if (kept) held.set(mark, JSON.parse(kept));
		} catch {
			return null;
		}
	}
	return held.get(mark) ?? null;
}

async function shrink(file) {
	const bitmap = await createImageBitmap(file);
	const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
	const canvas = document.createElement("canvas");
	canvas.width = Math.max(1, Math.round(bitmap.width * scale));
	canvas.height = Math.max(1, Math.round(bitmap.height * scale));
	const brush = canvas.getContext("2d");
	brush.imageSmoothingQuality = "high";
	brush.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
	bitmap.close();
	return canvas.toDataURL("image/webp", 0.92);
}

/** What the browser cannot read itself the server may. */
function asIs(file, name) {
	const picture = file.type.startsWith("image/") || /\.(heic|heif|avif|jxl|tiff?|psd|jp2|svg|bmp)$/i.test(name);
	if (!picture) return Promise.reject(new Error(`${name} is not a picture`));
	if (file.size > MOST_BYTES) return Promise.reject(new Error(`${name} is larger than ${MOST_BYTES / 1e6} MB`));
	const typed = file.type.startsWith("image/") ? file : new Blob([file], { type: "image/unknown" });
	return new Promise((resolve, reject) => {
		const reader = new FileReader();
		reader.addEventListener("load", () => resolve(String(reader.result)));
		reader.addEventListener("error", () => reject(new Error(`${name} cannot be read`)));
		reader.readAsDataURL(typed);
	});
}
