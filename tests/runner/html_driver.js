// SPDX-License-Identifier: GPL-2.0-or-later
// Uses a report as somebody would: put behind a report of nasty-run it says in the page's title what is wrong. All of it is in a page
// of its own, in which Chromium has not been asked for anything yet.
"use strict";
{
	const wrong = [];
	const number = (text) => Number(text.match(/[0-9]+/)[0]);

	function is(name, seen, expected)
	{
		if (seen !== expected)
			wrong.push(name + ": " + seen + " instead of " + expected);
	}

	function set(fields)
	{
		for (const name of ["text", "verdict", "profile", "order"])
			form.elements[name].value = fields[name] || "";
		form.dispatchEvent(new Event("input"));
		return list.childElementCount;
	}

	function luminance(colour)
	{
		const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((part) => {
			const value = Number(part) / 255;

			return value <= 0.03928 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4);
		});

		return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
	}

	// What WCAG 2 asks for: 4.5 to 1.
	function contrast(name, element)
	{
		const text = luminance(getComputedStyle(element).color);
		const paper = luminance(getComputedStyle(document.body).backgroundColor);
		const ratio = (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05);

		if (!(ratio >= 4.5))
			wrong.push(name + ": contrast " + ratio.toFixed(2));
	}

	is("at first what is bad", count.textContent, "17 of 26");
	is("everything", set({}), 26);
	is("of one verdict", set({ verdict: "skip" }), 3);
	is("of one machine", set({ profile: "amd <&>" }), 8);
	is("words", set({ text: "DMA/fail type1_size" }), 1);
	is("words that must not be there", set({ text: "dma/ -type1" }), 1);
	is("nothing", set({ text: "no such case" }), 0);
	is("told", count.textContent, "0 of 26");
	set({ order: "slow" });
	is("slowest first", found.every((one, i) => !i || found[i - 1].us >= one.us), true);
	set({ order: "name" });
	is("by ID", found.every((one, i) => !i || found[i - 1].id <= one.id), true);

	for (const cell of document.querySelectorAll("button[data-area]")) {
		const all = cell.textContent.match(/[0-9]+/g).map(Number).reduce((a, b) => a + b);

		cell.click();
		is("the cell " + cell.textContent, list.childElementCount, all);
	}
	leave.click();
	is("out of the cell", list.childElementCount, 26);
	is("cells", document.querySelectorAll("button[data-area]").length > 2, true);

	// A case's log, opened: as text, whatever is in it.
	set({ text: "dma/fail[engine=edu,backend=type1,size=4K]", profile: "intel" });
	is("the case", list.childElementCount, 1);
	const details = list.firstElementChild;
	details.open = true;
	details.dispatchEvent(new Event("toggle"));
	const shown = [...details.querySelectorAll("pre")].map((block) => block.textContent).join("\n");
	is("its output is there", shown.includes("a line of its output"), true);
	is("its kernel log is there", shown.includes("a line of the kernel's log"), true);
	is("the command to repeat it is there", shown.includes("iommut lab --profile intel --seed 0x1234"), true);
	is("markup of a log is text", details.querySelectorAll("pre b, pre script, pre a").length, 0);
	is("no script of a log ran", document.title === "broken", false);

	const environment = document.body.textContent;
	for (const text of ["7.3.4", "quiet <x> \"y\"", "device 0000:00:05.0", "1234:11e8, group 5, driver vfio-pci, engine edu",
			    "PSS=20 PASID"])
		is("environment: " + text, environment.includes(text), true);

	set({});
	contrast("text", document.body);
	contrast("faint text", document.querySelector(".faint"));
	for (const name of ["good", "bad", "open"])
		contrast(name, list.querySelector(".verdict." + name));
	const dark = matchMedia("(prefers-color-scheme: dark)").matches;
	is("paper", luminance(getComputedStyle(document.body).backgroundColor) < 0.5, dark);

	document.title = wrong.length ? "wrong: " + wrong.join("; ") : "all is right, " + (dark ? "dark" : "light");
}
