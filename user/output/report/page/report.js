// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Fills the page.

const sections = [];
const drawings = [];  // those that were made

// Flows whose drawing nobody has seen yet: its place in the page -> makes it. A page of many flows opens at once.
const unseen = new Map();

function makeDrawing(place) {
    const flow = unseen.get(place);
    unseen.delete(place);
    observer.unobserve(place);
    const drawing = flow.ladder ? ladderOf(flow.ladder) : drawingOf(flow);
    place.replaceWith(drawing.its);
    drawing.draw();
    drawings.push(drawing);
}

const observer = new IntersectionObserver(
    (places) => places.filter((its) => its.isIntersecting).forEach((its) => makeDrawing(its.target)), {rootMargin: "400px"});

function placeOfDrawing(flow) {
    const place = element("div", "unseen");
    unseen.set(place, flow);
    observer.observe(place);
    return place;
}

function section(entries, flow) {
    const its = element("section", "flow");
    const parts = entries.map((entry) => ({part: entryOf(entry), entry, words: null}));
    its.append(...parts.map(({part}) => part));
    if (flow) its.append(placeOfDrawing(flow));
    document.getElementById("flows").append(its);
    sections.push({its, parts});
}

function fillSections() {
    const drawn = new Set();
    for (const flow of report.flows) {
        const entries = flow.entries.map((index) => report.entries[index]);
        flow.entries.forEach((index) => drawn.add(index));
        const stamps = entries.find((entry) => entry.stamps);
        section(entries, flow.packets || flow.ladder ? flow : stamps ? stampsAsFlow(stamps) : null);
    }
    report.entries.forEach((entry, index) => {
        if (!drawn.has(index)) section([entry], null);
    });
}

function fillList(id, texts) {
    const its = document.getElementById(id);
    its.hidden = texts.length === 0;
    for (const text of texts) its.querySelector("ul").append(element("li", "", text));
}

function filter() {
    const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = document.getElementById("kind").value;
    const verdict = document.getElementById("sure").value;
    let shown = 0;
    for (const {its, parts} of sections) {
        let any = false;
        for (const found of parts) {
            found.words ??= found.part.textContent.toLowerCase();
            const {part, entry} = found;
            const fits = (!kind || entry.kind === kind) && (!verdict || entry.verdict === verdict) &&
                         words.every((word) => found.words.includes(word));
            part.hidden = !fits;
            any = any || fits;
            shown += fits ? 1 : 0;
        }
        its.hidden = !any;
    }
    document.getElementById("count").textContent =
        shown === report.entries.length ? "" : `${shown} of ${counted(report.entries.length, "finding")}`;
}

function fillChoice(id, values) {
    const choice = document.getElementById(id);
    for (const value of [...new Set(values)].sort()) choice.append(element("option", "", value));
    choice.hidden = choice.options.length < 3;
    choice.lastElementChild.parentNode.querySelectorAll("option").forEach((option, index) => {
        if (index) option.value = option.textContent;
    });
}

function conclusion() {
    if (report.comparisons.length) return report.comparisons.map((its) => its.conclusion).join(" ");
    if (!report.entries.length) {
        return ["Nothing found: no forged reset, no packet that was swallowed, no stalled connection.", ...report.left_out].join(" ");
    }
    const count = new Map();
    for (const entry of report.entries) count.set(entry.headline, (count.get(entry.headline) || 0) + 1);
    const parts = [...count].map(([headline, times]) => (times > 1 ? `${headline} (${times} times)` : headline));
    return `Found: ${parts.join(", ")}.`;
}

function fillComparisons() {
    const its = document.getElementById("comparisons");
    its.hidden = report.comparisons.length === 0;
    for (const {rows} of report.comparisons) its.append(rowsOf(rows));
}

function fill() {
    const title = report.sources.length === 1 ? report.sources[0]
        : report.comparisons.length ? report.sources.join(" → ") : counted(report.sources.length, "file");
    document.title = `flowstamp: ${title}`;
    document.getElementById("title").textContent = title;
    document.getElementById("verdict").textContent = conclusion();
    document.getElementById("filter").hidden = report.entries.length < 2;
    fillChoice("kind", report.entries.map((entry) => entry.kind));
    fillChoice("sure", report.entries.map((entry) => entry.verdict));
    fillComparisons();
    fillSections();
    fillList("boxes", report.boxes);
    fillList("incidents", report.incidents);
    const totals = document.getElementById("totals");
    totals.hidden = report.totals.length === 0;
    report.totals.forEach((text, index) => {
        if (report.totals.length > 1) totals.append(element("h3", "", report.sources[index]));
        totals.append(element("pre", "", text));
    });
    for (const text of report.left_out) document.getElementById("left_out").append(element("li", "", text));
    document.getElementById("made_by").textContent =
        `Made by ${report.made_by}. Hops are the routers that a packet has passed on its way to ` +
        "where it was captured (1 hop: one router between), estimated from its TTL. In the drawings sequence numbers count " +
        "from each side's first one.";
}

fill();
document.getElementById("filter").addEventListener("input", filter);
document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
function redraw() {
    colours = new Map();
    drawings.forEach((its) => { its.resize(); its.redraw(); });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("beforeprint", () => {
    document.documentElement.classList.add("on-paper");
    [...unseen.keys()].forEach(makeDrawing);
    redraw();
});
addEventListener("afterprint", () => {
    document.documentElement.classList.remove("on-paper");
    redraw();
});
