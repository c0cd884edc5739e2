/** What is indexed: pictures, folders, runs, fields, what was skipped and why, and the jobs that work on it. */

import { get } from "./api.js";
import { collections } from "./bar.js";
import { h, fill, iconButton, offer } from "./dom.js";
import { jobsPanel } from "./jobs.js";
import { collectionName, detail, readOnly, rootName, served, version } from "./served.js";
import { href } from "./state.js";
import { toastError } from "./say.js";
import { note } from "./searchview.js";
import { bytes, counted, date, label, number } from "./words.js";

const SKIPPED_PAGE = 50;

/** @param {HTMLElement} root */
export function collectionView(root) {
	const page = h("div.page");
	fill(root, page);
	const jobs = jobsPanel();
	let shown = "";

	async function update(now) {
		const name = collectionName();
		document.title = `${name} – OpenITR`;
		const asked = `${name} ${version()}`;
		if (asked === shown) return;
		shown = asked;
		if (!name) {
			fill(
				page,
				note("database", "No collection is served", "Start the server with the name of one: openitr serve photos"),
			);
			return;
		}
		try {
			const about = await detail(name, true);
			const [{ fields }, models] = await Promise.all([
				get(`collections/${encodeURIComponent(name)}/fields`),
				get("models").catch(() => ({ models: [] })),
			]);
			if (shown !== asked) return;
			fill(
				page,
				h(
					"header.page-head",
					null,
					h("h1", null, name),
					served().length > 1 && h("span.only-narrow", null, collections()),
					readOnly() && h("span.kind", null, "read only"),
				),
				numbers(about, fields),
				h(
					"div.columns",
					null,
					h("div", null, folders(about, jobs), runsOf(about, models.models, jobs)),
					h(
						"div",
						null,
						jobs.element,
						fieldsOf(
							fields.filter((one) => !["path", "name"].includes(one.name)),
							about.items,
						),
					),
				),
				skippedPanel(name),
			);
			jobs.begin();
			if (!now.item) scrollTo(0, history.state?.y ?? 0);
		} catch (error) {
			shown = "";
			const { message, remedy } = error;
			fill(page, note("warn", message, remedy));
		}
	}

	return { update, close: () => jobs.close(), grid: null };
}

function numbers(about, fields) {
	const skipped = Object.values(about.skipped ?? {}).reduce((sum, count) => sum + Number(count), 0);
	const size = Object.values(about.bytes ?? {}).reduce((sum, count) => sum + Number(count), 0);
	const taken = fields.find(({ name }) => name === "taken_at");
	const tile = (value, what) => h("div.number", null, h("b", null, value), h("span", null, what));
	return h(
		"div.numbers",
		null,
		tile(number(about.items), "pictures"),
		about.captions > 0 && tile(number(about.captions), "captions"),
		taken?.min &&
			tile([...new Set([String(taken.min).slice(0, 4), String(taken.max).slice(0, 4)])].join(" – "), "taken"),
		size > 0 && tile(bytes(size), "index on disk"),
		tile(number(skipped), "skipped files"),
	);
}

function folders(about, jobs) {
	const roots = about.roots ?? [];
	return h(
		"section.panel",
		null,
		h("h2", null, "Folders"),
		roots.length ? null : h("p.quiet", null, "No folder is indexed yet."),
		h("ul.lines", null, roots.map((root) => folderOf(root, jobs))),
		!readOnly() && newFolder(jobs),
	);
}

function folderOf({ id, name = `folder ${id}`, items, there }, jobs) {
	const said = [items === undefined ? "" : counted(items, "picture"), there === false ? ", not there now" : ""];
	const onclick = () => jobs.start({ kind: "index", root: id });
	return h(
		"li",
		null,
		h("div", null, h("b", null, name), h("span.quiet", null, said)),
		!readOnly() && h("button.button", { type: "button", "aria-label": `Update ${name}`, onclick }, "Update"),
	);
}

function newFolder(jobs) {
	const input = h("input", {
		type: "text",
		placeholder: "/folder/on/the/server",
		"aria-label": "Folder on the server",
		maxlength: 4000,
	});
	const onsubmit = (event) => {
		event.preventDefault();
		if (input.value.trim()) jobs.start({ kind: "index", folder: input.value.trim() });
	};
	return h(
		"details",
		null,
		h("summary", null, "Index another folder"),
		h("form.line-form", { onsubmit }, input, h("button.button", { type: "submit" }, "Index")),
		h("p.quiet", null, "It must lie below a folder that the server was started with: --allow-folder."),
	);
}

function runsOf(about, models, jobs) {
	const runs = about.runs ?? [];
	const ready = models.filter((one) => one.installed && !/[A-Z]{3,}/.test(one.name));
	const select = h("select", { "aria-label": "Model" });
	offer(select, ready.map(({ name }) => [name, name]), "");
	const reindex = () => jobs.start({ kind: "reindex", model: select.value });
	return h(
		"section.panel",
		null,
		h("h2", null, "Models"),
		h("ul.lines", null, runs.map((run) => runOf(run, models.find((one) => one.name === run.spec)))),
		runs.length > 1 &&
			h("p", null, h("a", { href: href({ view: "compare", item: 0 }), "data-go": "" }, "Compare two of them")),
		!readOnly() &&
			ready.length > 0 &&
			h(
				"details",
				null,
				h("summary", null, "Index with another model"),
				h("div.line-form", null, select, h("button.button", { type: "button", onclick: reindex }, "Reindex")),
				h("p.quiet", null, "The present one answers until the new one is whole."),
			),
	);
}

function runOf({ name, spec, kind, dim, state: condition }, model) {
	return h(
		"li",
		null,
		h(
			"div",
			null,
			h("b", null, name),
			h(`span.kind.state-${condition}`, null, condition === "active" ? "answers now" : condition),
			h("p.quiet", null, [spec, kind, dim && `${dim} numbers a picture`].filter(Boolean).join(" · ")),
			model?.summary && h("p.quiet", null, model.summary),
			model?.terms && h("details", null, h("summary", null, "Terms"), h("p.quiet", null, model.terms)),
		),
	);
}

function fieldsOf(fields, pictures) {
	return h(
		"section.panel",
		null,
		h("h2", null, "Fields"),
		fields.length
			? h("ul.lines.fields", null, fields.map((field) => fieldOf(field, pictures)))
			: h("p.quiet", null, "These pictures have no fields."),
	);
}

function fieldOf({ name, kind, count, min, max, values = [] }, pictures) {
	const bar = h("span.bar.bar-for");
	bar.style.width = `${pictures ? Math.min(100, (100 * count) / pictures) : 0}%`;
	const named = values.slice(0, 3).map(({ value }) => (value === "" ? "(top folder)" : String(value)));
	const span = (min ?? null) !== null ? `${short(min, kind)} to ${short(max, kind)}` : named.join(", ");
	return h(
		"li",
		null,
		h(
			"div",
			null,
			h("b", null, label(name)),
			h("p.quiet.clip", null, span),
			h("div.bar-track", { "aria-hidden": "true" }, bar),
		),
		h("span.quiet", null, number(count)),
	);
}

function short(value, kind) {
	if (kind === "date") return date(value).split(",").slice(0, 2).join(",");
	return typeof value === "number" ? number(value) : String(value);
}

/** Files that could not be read, with the reason and what to do. */
function skippedPanel(name) {
	const body = h("div");
	const section = h("section.panel", null, h("h2", null, "Skipped files"), body);
	let offset = 0;
	const load = async () => {
		try {
			const { skipped, total } = await get(`collections/${encodeURIComponent(name)}/skipped`, {
				offset,
				limit: SKIPPED_PAGE,
			});
			if (!total) fill(body, h("p.quiet", null, "None. Every picture that was found could be read."));
			else {
				const turn = (by) => () => {
					offset += by;
					load();
				};
				fill(
					body,
					h(
						"div.scroll",
						{ tabindex: 0, role: "region", "aria-label": "Skipped files" },
						h(
							"table",
							null,
							h(
								"thead",
								null,
								h(
									"tr",
									null,
									["File", "Why", "What to do"].map((text) => h("th", { scope: "col" }, text)),
								),
							),
							h(
								"tbody",
								null,
								skipped.map((one) =>
									h(
										"tr",
										null,
										h("td.path", null, [rootName(one.root), one.path].filter(Boolean).join("/")),
										h("td", null, one.reason),
										h("td", null, one.remedy),
									),
								),
							),
						),
					),
					total > SKIPPED_PAGE &&
						h(
							"div.pager",
							null,
							iconButton("left", "Previous files", turn(-SKIPPED_PAGE), { disabled: offset === 0 }),
							h("span", null, `${offset + 1} to ${Math.min(total, offset + SKIPPED_PAGE)} of ${number(total)}`),
							iconButton("right", "Next files", turn(SKIPPED_PAGE), { disabled: offset + SKIPPED_PAGE >= total }),
						),
				);
			}
		} catch (error) {
			toastError(error);
		}
	};
	load();
	return section;
}
