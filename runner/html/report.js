// SPDX-License-Identifier: GPL-2.0-or-later
"use strict";

// Everything of the run, as the page carries it. Nothing of it is ever taken for HTML: only text nodes are made of it.
const cases = JSON.parse(document.getElementById("cases").textContent);
const logs = JSON.parse(document.getElementById("logs").textContent);
const list = document.getElementById("list");
const more = document.getElementById("more");
const count = document.getElementById("count");
const form = document.getElementById("filter");
const page = 300;
// The cell of the matrix that was chosen, as its button's dataset, and the button to leave it.
const leave = document.getElementById("cell");
let cell = null;
let found = [];
let shown = 0;

function element(name, className, text)
{
	const made = document.createElement(name);

	if (className)
		made.className = className;
	if (text !== undefined)
		made.textContent = text;
	return made;
}

function kind(verdict)
{
	if (verdict === "pass")
		return "good";
	return verdict === "skip" || verdict === "xfail" ? "open" : "bad";
}

function time(us)
{
	return us < 1000000 ? (us / 1000).toFixed(1) + " ms" : (us / 1000000).toFixed(2) + " s";
}

function block(parent, title, text)
{
	if (!text)
		return;
	parent.append(element("div", "faint", title), element("pre", "", text));
}

function fill(details, one)
{
	const body = element("div");
	const log = logs[one.number] || {};

	if (one.proves)
		body.append(element("div", "", "Proves: " + one.proves));
	if (one.reason)
		body.append(element("div", kind(one.verdict), one.reason));
	if (one.lift)
		body.append(element("div", "faint", "What would lift it: " + one.lift));
	if (one.known)
		body.append(element("div", "faint", "Known issue: " + one.known));
	if (one.devices)
		body.append(element("div", "faint", "Device: " + one.devices));
	block(body, "The case says", one.details);
	block(body, "Output", log.stdout);
	block(body, "Errors", log.stderr);
	block(body, "Kernel log", log.kmsg || one.kernel);
	block(body, "Again", one.replay);
	details.append(body);
}

function row(one)
{
	const details = element("details");
	const summary = element("summary");

	summary.append(element("span", "time", time(one.us)), element("span", "verdict " + kind(one.verdict), one.verdict),
		       element("code", "", one.id), element("span", "faint", "  " + one.profile));
	details.append(summary);
	details.addEventListener("toggle", () => {
		if (details.open && details.childElementCount === 1)
			fill(details, one);
	});
	return details;
}

function showMore()
{
	const end = Math.min(shown + page, found.length);
	const rows = document.createDocumentFragment();

	for (; shown < end; shown++)
		rows.append(row(found[shown]));
	list.append(rows);
	more.hidden = shown === found.length;
}

function inCell(one)
{
	const backend = one.id.match(/[[,]backend=([^,\]]*)/);

	return one.profile === cell.profile && one.id.split(/[/[]/, 1)[0] === cell.area &&
		(backend ? backend[1] : "-") === cell.backend;
}

function matches(one, words, verdict, profile)
{
	const text = (one.id + " " + one.reason).toLowerCase();

	if (cell && !inCell(one))
		return false;
	if (verdict === "bad" ? kind(one.verdict) !== "bad" : verdict && one.verdict !== verdict)
		return false;
	return (!profile || one.profile === profile) &&
		words.every((word) => word.startsWith("-") ? !text.includes(word.slice(1)) : text.includes(word));
}

function filter()
{
	const words = form.elements.text.value.toLowerCase().split(/\s+/).filter((word) => word && word !== "-");
	const order = form.elements.order.value;

	found = cases.filter((one) => matches(one, words, form.elements.verdict.value, form.elements.profile.value));
	if (order === "slow")
		found.sort((a, b) => b.us - a.us);
	else if (order === "name")
		found.sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
	list.replaceChildren();
	shown = 0;
	count.textContent = found.length + " of " + cases.length;
	showMore();
}

function choose(chosen)
{
	cell = chosen;
	leave.hidden = !cell;
	if (cell)
		leave.textContent = cell.profile + ": " + cell.area + (cell.backend === "-" ? "" : ", " + cell.backend) + " ×";
	filter();
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", showMore);
// Who has failures wants to see them first.
if (cases.some((one) => kind(one.verdict) === "bad"))
	form.elements.verdict.value = "bad";
// A cell of the matrix chooses its cases.
for (const button of document.querySelectorAll("button[data-area]")) {
	button.addEventListener("click", () => {
		form.reset();
		choose(button.dataset);
		form.scrollIntoView();
	});
}
leave.addEventListener("click", () => choose(null));
filter();
