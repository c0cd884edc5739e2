/** Where arrow keys lead on the wall. */

/** @typedef {import("./grid.js").Block} Block @typedef {import("./grid.js").Box} Box */

/**
 * Number of the block that holds a position, or -1.
 * @param {Block[]} blocks
 * @param {number} position
 */
export function blockOf(blocks, position) {
	return blocks.findIndex((block) => position < block.first + block.count);
}

/**
 * The picture above or below one, nearest to its middle; -1 when there is none.
 * @param {Block[]} blocks
 * @param {Box[]} boxes
 * @param {number} position
 * @param {1 | -1} way
 */
export function beside(blocks, boxes, position, way) {
	let number = blockOf(blocks, position);
	const { first } = blocks[number];
	const layout = boxes[number]?.layout;
	if (!layout) return -1;
	const middle = layout.lefts[position - first] + layout.widths[position - first] / 2;
	let rows = layout.rows;
	let r = rows.findIndex((row) => row.end > position - first) + way;
	if (r < 0 || r >= rows.length) {
		number += way;
		const next = boxes[number];
		if (!next) return -1;
		if (!next.layout) return way > 0 ? blocks[number].first : blocks[number].first + blocks[number].count - 1;
		rows = next.layout.rows;
		r = way > 0 ? 0 : rows.length - 1;
	}
	const { lefts, widths } = boxes[number].layout;
	let best = rows[r].start;
	for (let i = rows[r].start; i < rows[r].end; i++) {
		if (Math.abs(lefts[i] + widths[i] / 2 - middle) < Math.abs(lefts[best] + widths[best] / 2 - middle)) best = i;
	}
	return blocks[number].first + best;
}
