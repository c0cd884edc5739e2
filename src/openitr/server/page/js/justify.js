/** Rows of pictures of one height each that fill the width: breaks chosen so that heights differ least overall. */

/**
 * @typedef {{start: number, end: number, top: number, height: number}} Row items start to end - 1
 * @typedef {{rows: Row[], height: number, lefts: Float32Array, widths: Float32Array}} Layout
 */

const NARROWEST = 0.45;
const WIDEST = 3.2;

/** Width over height, within what a row can bear. @param {{width?: number, height?: number}} item */
export function ratio(item) {
	const real = item.width && item.height ? item.width / item.height : 4 / 3;
	return Math.min(WIDEST, Math.max(NARROWEST, real));
}

/**
 * @param {number[]} ratios width over height of each picture
 * @param {number} width pixels to fill
 * @param {number} target height that rows should have
 * @param {number} gap pixels between pictures
 * @param {boolean} ragged whether the last row may stay short
 * @returns {Layout}
 */
export function justify(ratios, width, target, gap, ragged) {
	const n = ratios.length;
	const cost = new Float64Array(n + 1).fill(Infinity);
	const from = new Int32Array(n + 1);
	cost[0] = 0;
	for (let start = 0; start < n; start++) {
		let sum = 0;
		for (let end = start + 1; end <= n; end++) {
			sum += ratios[end - 1];
			const height = (width - gap * (end - start - 1)) / sum;
			// Too tall costs as much as too low in proportion; a short last row costs nothing.
			let off = Math.log(height / target);
			if (ragged && end === n && off > 0) off = 0;
			const total = cost[start] + off * off;
			if (total < cost[end]) {
				cost[end] = total;
				from[end] = start;
			}
			if (height < target * 0.4 && end > start + 1) break;
		}
	}
	return place(ratios, breaks(from, n), width, target, gap, ragged);
}

function breaks(from, n) {
	const ends = [];
	for (let end = n; end > 0; end = from[end]) ends.push(end);
	return ends.reverse();
}

function place(ratios, ends, width, target, gap, ragged) {
	const lefts = new Float32Array(ratios.length);
	const widths = new Float32Array(ratios.length);
	/** @type {Row[]} */
	const rows = [];
	let [start, top] = [0, 0];
	for (const end of ends) {
		let sum = 0;
		for (let i = start; i < end; i++) sum += ratios[i];
		const full = (width - gap * (end - start - 1)) / sum;
		const short = ragged && end === ratios.length && full > target;
		const height = Math.round(short ? target : full);
		let left = 0;
		for (let i = start; i < end; i++) {
			const exact = ratios[i] * (short ? target : full);
			// Whole pixels; the last picture takes what rounding left over.
			const wide = i === end - 1 && !short ? width - left : Math.min(Math.round(exact), width - left);
			lefts[i] = left;
			widths[i] = wide;
			left += wide + gap;
		}
		rows.push({ start, end, top, height });
		top += height + gap;
		start = end;
	}
	return { rows, height: rows.length ? top - gap : 0, lefts, widths };
}

/** Number of the row that holds a height, by halving. @param {Row[]} rows @param {number} y */
export function rowAt(rows, y) {
	let [low, high] = [0, rows.length - 1];
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if (rows[middle].top <= y) low = middle;
		else high = middle - 1;
	}
	return low;
}
