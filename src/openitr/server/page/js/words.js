/** Numbers, sizes and dates as people write them. */

const numbers = new Intl.NumberFormat("en");
const dates = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** @param {number} value */
export function number(value) {
	return numbers.format(value);
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
	return `${number(count)} ${count === 1 ? one : many}`;
}

/** @param {number} probability */
export function percent(probability) {
	if (probability > 0 && probability < 0.01) return "<1%";
	return `${Math.round(probability * 100)}%`;
}

/** @param {number} size bytes */
export function bytes(size) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let unit = 0;
	while (size >= 1000 && unit < units.length - 1) {
		size /= 1000;
		unit += 1;
	}
	return `${size < 10 && unit ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** @param {string | number | null | undefined} when ISO 8601, or seconds since 1970 */
export function date(when) {
	if (when === null || when === undefined || when === "") return "";
	const day = new Date(typeof when === "number" ? when * 1000 : when);
	return Number.isNaN(day.getTime()) ? String(when) : dates.format(day);
}

/** A field's name as a label. @param {string} name */
export function label(name) {
	const text = name.replaceAll("_", " ");
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A filter as it is said. @param {string} expression */
export function filter(expression) {
	const found = /^\s*([^=!<>~]+?)\s*(!=|>=|<=|=|~)(.*)$/s.exec(expression);
	if (!found) return expression;
	const signs = { "=": "is", "!=": "is not", ">=": "from", "<=": "up to", "~": "has" };
	const value = found[3]
		.split(/(?<!\\)\|/)
		.join(" or ")
		.replaceAll("\\|", "|");
	return `${label(found[1])} ${signs[found[2]]} ${value}`;
}
