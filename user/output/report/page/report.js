// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Shows what the program has put into #data. Texts come from outside (names of files and interfaces): they
// are set as textContent only.
"use strict";

const report = JSON.parse(document.getElementById("data").textContent);

// Columns of a packet: user/output/report/report_page.cpp.
const TIME = 0, SIDE = 1, SEQ = 2, PAYLOAD = 3, ACK = 4, WINDOW = 5, TTL = 6, HOPS = 7, IP_ID = 8, FLAGS = 9,
      FRAME = 10, REPEATED = 11, ENTRY = 12;
const HOPS_MOST = 30;

// ---- elements ----

function element(tag, className, text) {
    const its = document.createElement(tag);
    if (className) its.className = className;
    if (text !== undefined) its.textContent = text;
    return its;
}

function append(parent, ...children) {
    parent.append(...children);
    return parent;
}

const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

// Its legend sets style attributes, which this page's policy refuses; the page has its own.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

const isTouched = matchMedia("(pointer: coarse)").matches;

// ---- a finding in words ----

const idText = (entry) => `${entry.reset ? "reset" : "finding"} #${entry.id}`;

function evidenceTable(entry) {
    const titles = ["strength", "evidence", entry.observed, entry.baseline];
    const head = append(element("tr"), ...titles.map((title) => element("th", "", title)));
    const body = element("tbody");
    for (const row of entry.evidence) {
        body.append(append(element("tr"), ...row.map((text, column) => {
            const cell = element("td", "", text || "-");
            cell.dataset.title = titles[column];  // on a narrow screen a cell is a line of its own
            return cell;
        })));
    }
    return append(element("div", "scroll"), append(element("table"), append(element("thead"), head), body));
}

// Where to look, for whoever runs the boxes.
function whereToLook(entry) {
    const isMadeHere = entry.evidence.some((row) => row[1] === "made-here");
    if (entry.kind !== "forged-rst" || isMadeHere) return null;
    return "for a box between the two that resets connections (a firewall, an IPS, a proxy, a load balancer that " +
           "answers for this address), as many hops away as this packet came from; flowstamp locate names its router";
}

function entryOf(entry) {
    const its = element("article", `entry ${entry.verdict}`);
    const title = append(element("h3"), element("span", "badge", entry.headline),
                         ` ${entry.from} > ${entry.to}`);
    const where = [entry.time, idText(entry)];
    const source = report.sources[entry.source];
    if (entry.frame !== undefined) where.push(`frame ${entry.frame} of ${source}`);
    else if (report.sources.length > 1) where.push(source);
    if (entry.interface && !source.endsWith(entry.interface)) where.push(`captured at ${entry.interface}`);
    its.append(title, element("div", "where", where.join("  ·  ")));
    if (entry.summary) its.append(element("p", "", entry.summary));
    if (entry.evidence.length) its.append(evidenceTable(entry));
    const look = whereToLook(entry);
    const details = look ? [...entry.details, ["look", look]] : entry.details;
    if (details.length) {
        const list = element("dl");
        for (const [label, text] of details) list.append(element("dt", "", label), element("dd", "", text));
        its.append(list);
    }
    return its;
}

// ---- a flow's drawing ----

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const hopsText = (hops) => (hops > HOPS_MOST ? "? hops" : counted(hops, "hop"));
const idHex = (id) => (id === 0 ? "0" : `0x${id.toString(16).padStart(4, "0")}`);

// A number of that side's, from its first one on, and as it is in the packet.
function numberText(flow, side, number) {
    const first = flow.first_numbers ? flow.first_numbers[side] : null;
    return first === null ? number : `${number} (${(((first + number) % 2 ** 32) + 2 ** 32) % 2 ** 32})`;
}

function packetText(flow, packet) {
    const ends = packet[SIDE] === 0 ? [flow.client, flow.server] : [flow.server, flow.client];
    const parts = [`${ends[0]} > ${ends[1]}`, `[${packet[FLAGS]}]`, `+${(packet[TIME] / 1e6).toFixed(6)} s`];
    if (packet[FRAME]) parts.unshift(`frame ${packet[FRAME]}`);
    const side = packet[SIDE];
    if (packet[SEQ] !== null) parts.push(`seq ${numberText(flow, side, packet[SEQ])}`);
    if (packet[ACK] !== null) parts.push(`ack ${numberText(flow, 1 - side, packet[ACK])}`);
    if (packet[PAYLOAD]) parts.push(counted(packet[PAYLOAD], "byte"));
    parts.push(`ttl ${packet[TTL]} (${hopsText(packet[HOPS])})`);
    if (packet[IP_ID] !== null) parts.push(`IP-ID ${idHex(packet[IP_ID])}`);
    if (packet[WINDOW] !== null) parts.push(`window ${packet[WINDOW]}`);
    if (packet[REPEATED]) parts.push("sent again, or late");
    if (packet[ENTRY] !== null) parts.push(`${idText(report.entries[packet[ENTRY]])} is about it`);
    return parts.join("  ·  ");
}

const isReset = (packet) => packet[FLAGS].includes("R");

function cross(ctx, x, y, size) {
    ctx.beginPath();
    ctx.moveTo(x - size, y - size);
    ctx.lineTo(x + size, y + size);
    ctx.moveTo(x - size, y + size);
    ctx.lineTo(x + size, y - size);
    ctx.stroke();
}

function dot(ctx, x, y, size) {
    ctx.beginPath();
    ctx.arc(x, y, size, 0, 2 * Math.PI);
    ctx.fill();
}

// A packet as a mark: a reset is a cross, any other a dot; a ring around what a finding is about.
function mark(ctx, packet, x, y, plain) {
    ctx.lineWidth = 2;
    if (isReset(packet)) {
        ctx.strokeStyle = colour("bad");
        cross(ctx, x, y, 4.5);
    } else {
        ctx.fillStyle = packet[REPEATED] ? colour("again") : plain;
        dot(ctx, x, y, 2.2);
    }
    if (packet[ENTRY] !== null) {
        ctx.strokeStyle = colour("bad");
        ctx.beginPath();
        ctx.arc(x, y, 8, 0, 2 * Math.PI);
        ctx.stroke();
    }
}

const sideColour = (side) => colour(side === 0 ? "client" : "server");

function drawSegments(flow, side, plot) {
    const ctx = plot.drawingContext;
    for (const point of plot.points) {
        const packet = flow.packets[point.idx];
        if (Number.isNaN(point.canvasy)) continue;
        if (packet[PAYLOAD] && !isReset(packet)) {
            const low = plot.dygraph.toDomYCoord(packet[SEQ]);
            ctx.strokeStyle = packet[REPEATED] ? colour("again") : sideColour(side);
            ctx.lineWidth = packet[REPEATED] ? 4 : 3;
            ctx.beginPath();
            ctx.moveTo(point.canvasx, Math.max(low, point.canvasy + 2));
            ctx.lineTo(point.canvasx, point.canvasy);
            ctx.stroke();
            if (packet[ENTRY] !== null) mark(ctx, packet, point.canvasx, point.canvasy, sideColour(side));
        } else {
            mark(ctx, packet, point.canvasx, point.canvasy, sideColour(side));
        }
    }
}

function drawMarks(flow, side, plot) {
    for (const point of plot.points) {
        if (Number.isNaN(point.canvasy)) continue;
        mark(plot.drawingContext, flow.packets[point.idx], point.canvasx, point.canvasy, sideColour(side));
    }
}

// The acknowledged edge, as steps.
function drawAcks(plot) {
    const ctx = plot.drawingContext;
    ctx.strokeStyle = colour("ack");
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    let before = null;
    for (const point of plot.points) {
        if (Number.isNaN(point.canvasy)) continue;
        if (before) ctx.lineTo(point.canvasx, before.canvasy);
        if (before) ctx.lineTo(point.canvasx, point.canvasy);
        else ctx.moveTo(point.canvasx, point.canvasy);
        before = point;
    }
    ctx.stroke();
}

// A side's data lies between these numbers; those of a reset, or of a forged answer, may lie anywhere.
function bounds(flow, side) {
    let low = 0, high = 1;
    for (const packet of flow.packets) {
        if (packet[SIDE] === side && packet[PAYLOAD] && !isReset(packet)) {
            low = Math.min(low, packet[SEQ]);
            high = Math.max(high, packet[SEQ] + packet[PAYLOAD]);
        }
    }
    return [low, high];
}

function lanesOf(flow) {
    const names = flow.names || ["client", "server"];
    const lanes = [];
    const seconds = (packet) => packet[TIME] / 1e6;
    const hopsOf = new Map(flow.packets.map((packet) => [packet[TTL], packet[HOPS]]));
    if (flow.packets.some((packet) => packet[SEQ] !== null)) {
        for (const side of [0, 1]) {
            const [low, high] = bounds(flow, side);
            const kept = (number) => Math.min(Math.max(number, low), high);
            lanes.push({
                title: `${names[side]} to ${names[1 - side]}: sequence number`, size: "tall", labels: ["s", "acknowledged", "begin", "sent"],
                rows: flow.packets.map((packet) => [
                    seconds(packet),
                    packet[SIDE] !== side && packet[ACK] !== null && !isReset(packet) ? kept(packet[ACK]) : null,
                    packet[SIDE] === side ? kept(packet[SEQ]) : null,
                    packet[SIDE] === side ? kept(packet[SEQ] + packet[PAYLOAD]) : null,
                ]),
                // A segment's begin is drawn with its end; as a series it keeps both in sight.
                series: {acknowledged: {plotter: drawAcks}, begin: {plotter: () => {}, highlightCircleSize: 0},
                         sent: {plotter: (plot) => drawSegments(flow, side, plot)}},
            });
        }
    }
    for (const [column, title] of [[TTL, "TTL on arrival"], [IP_ID, "IP-ID"]]) {
        for (const side of [0, 1]) {
            const rows = flow.packets.map((packet) => [
                seconds(packet), packet[SIDE] === side ? packet[column] : null]);
            if (rows.some((row) => row[1] !== null)) {
                lanes.push({
                    title: `${names[side]}'s ${title}`, size: "low", labels: ["s", "value"], rows,
                    series: {value: {plotter: (plot) => drawMarks(flow, side, plot)}},
                    around: column === TTL ? 3 : 1,
                    tick: column === TTL ? (ttl) => `${ttl}, ${hopsText(hopsOf.get(ttl))}` : idHex,
                });
            }
        }
    }
    return lanes;
}

function rangeAround(rows, around) {
    const values = rows.map((row) => row[1]).filter((value) => value !== null);
    return [Math.max(0, Math.min(...values) - around), Math.max(...values) + around];
}

// The ends of what is seen say more than round numbers between.
function endsAsTicks(rows, label) {
    return (low, high) => {
        const values = rows.map((row) => row[1]).filter((value) => value !== null && value >= low && value <= high);
        if (!values.length) return [];
        return [...new Set([Math.min(...values), Math.max(...values)])].map((v) => ({v, label: label(v)}));
    };
}

function chartOf(flow, lane, place, isLast, show) {
    const options = {
        labels: lane.labels, series: lane.series, legend: "never", connectSeparatedPoints: true,
        xRangePad: 12, yRangePad: 10, highlightCircleSize: 5, highlightSeriesBackgroundAlpha: 1,
        gridLineColor: colour("grid"), axisLineColor: colour("line"),
        axes: {
            x: {drawAxis: isLast, drawGrid: true, axisLabelFormatter: (value) => `${Number(value.toPrecision(7))} s`},
            y: {axisLabelWidth: 76, pixelsPerLabel: lane.size === "tall" ? 30 : 22,
                axisLabelFormatter: (value) => (Number.isInteger(value) ? value.toLocaleString("en") : "")},
        },
        highlightCallback: (event, x, points, row) => show(row),
        underlayCallback: (ctx, area, chart) => {
            ctx.strokeStyle = colour("bad");
            ctx.lineWidth = 1;
            ctx.setLineDash([3, 4]);
            for (const packet of flow.packets) {
                if (packet[ENTRY] === null) continue;
                const x = chart.toDomXCoord(packet[TIME] / 1e6);
                ctx.beginPath();
                ctx.moveTo(x, area.y);
                ctx.lineTo(x, area.y + area.h);
                ctx.stroke();
            }
            ctx.setLineDash([]);
        },
    };
    if (lane.around !== undefined) {
        options.valueRange = rangeAround(lane.rows, lane.around);
        options.axes.y.ticker = endsAsTicks(lane.rows, lane.tick);
    }
    // A finger scrolls the page; a tap shows the packet.
    if (isTouched) options.interactionModel = {};
    return new Dygraph(place, lane.rows, options);
}

// The moment around what the findings are about, in seconds; null: nothing is marked.
function aroundFindings(flow) {
    const marked = flow.packets.filter((packet) => packet[ENTRY] !== null);
    if (!marked.length) return null;
    const index = flow.packets.indexOf(marked[0]);
    const end = flow.packets.indexOf(marked[marked.length - 1]);
    const from = flow.packets[Math.max(0, index - 8)][TIME] / 1e6;
    const to = flow.packets[Math.min(flow.packets.length - 1, end + 8)][TIME] / 1e6;
    const margin = Math.max((to - from) * 0.05, 1e-6);
    return [from - margin, to + margin];
}

const drawings = [];

function legend(flow) {
    const signs = [["▍", "of-client", `data of ${flow.client}`], ["▍", "of-server", `data of ${flow.server}`],
                   ["▁▏", "of-ack", "acknowledged up to here"], ["▍", "of-again", "sent again, or late"],
                   ["✕", "of-bad", "reset"], ["◯", "of-bad", "what a finding is about"]];
    const stampsOnly = flow.packets.every((packet) => packet[SEQ] === null);
    const list = element("ul", "legend");
    for (const [sign, className, text] of stampsOnly ? signs.slice(4) : signs) {
        list.append(append(element("li"), element("b", className, sign), ` ${text}`));
    }
    return list;
}

// Draws when it is about to be seen: a page of many flows opens at once.
function drawingOf(flow) {
    const its = element("div", "drawing");
    its.append(element("h3", "", flow.names ? flow.names.join("  ·  ") : `client ${flow.client}  ·  server ${flow.server}`));
    const begin = flow.begin_us === undefined ? flow.begin : new Date(flow.begin_us / 1000).toISOString();
    its.append(element("div", "where", `0 s is ${begin}`));
    if (flow.left_out) its.append(element("div", "where", flow.left_out));
    its.append(legend(flow));
    const tools = element("div", "tools");
    const shown = element("div", "packet faint", isTouched ? "Tap a packet to see its fields."
        : "Point at a packet to see its fields. Drag to zoom; a double click shows all.");
    its.append(tools, shown);
    const show = (row) => {
        shown.className = "packet";
        shown.textContent = packetText(flow, flow.packets[row]);
    };
    const lanes = lanesOf(flow);
    const places = lanes.map((lane, index) => {
        const place = element("div", `lane ${index === lanes.length - 1 ? "last" : lane.size}`);
        its.append(element("div", "lane-title", lane.title), place);
        return place;
    });
    let charts = null;
    const draw = () => {
        if (charts) return;
        charts = lanes.map((lane, index) => chartOf(flow, lane, places[index], index === lanes.length - 1, show));
        if (charts.length > 1) Dygraph.synchronize(...charts, {selection: true, zoom: true, range: false});
    };
    const zoom = (text, range) => {
        const button = element("button", "", text);
        button.type = "button";
        button.addEventListener("click", () => {
            draw();
            charts[0].updateOptions({dateWindow: range()});
        });
        tools.append(button);
    };
    if (aroundFindings(flow)) zoom("Around the finding", () => aroundFindings(flow));
    zoom("Whole flow", () => charts[0].xAxisExtremes());
    drawings.push({
        draw,
        redraw: () => (charts || []).forEach((chart) => chart.updateOptions(
            {gridLineColor: colour("grid"), axisLineColor: colour("line")})),
        resize: () => (charts || []).forEach((chart) => chart.resize()),
    });
    new IntersectionObserver((seen, observer) => {
        if (!seen.some((place) => place.isIntersecting)) return;
        observer.disconnect();
        draw();
    }, {rootMargin: "400px"}).observe(its);
    return its;
}

// Of JSON lines: stamps in place of packets.
function stampsAsFlow(entry) {
    const time = (text) => Date.parse(text.replace(/(\.\d{3})\d*/, "$1").replace("+0000", "Z")) * 1000 +
                           Number((text.match(/\.\d{3}(\d{3})/) || [0, 0])[1]);
    const begin = time(entry.stamps[0][0]);
    const index = report.entries.indexOf(entry);
    return {
        client: entry.from, server: entry.to, names: [entry.from, entry.to], begin: entry.stamps[0][0],
        left_out: "The flow's latest stamps, which have no sequence numbers. A capture shows more.",
        packets: entry.stamps.map(([at, side, ttl, hops, ipId, flags]) =>
            [time(at) - begin, side, null, 0, null, null, ttl, hops, ipId, flags, 0, 0,
             at === entry.time && side === 0 ? index : null]),
    };
}

// ---- the page ----

const sections = [];

function section(entries, flow) {
    const its = element("section", "flow");
    const parts = entries.map((entry) => {
        const part = entryOf(entry);
        its.append(part);
        return {part, entry, words: part.textContent.toLowerCase()};
    });
    if (flow) its.append(drawingOf(flow));
    document.getElementById("flows").append(its);
    sections.push({its, parts});
}

function fillSections() {
    const drawn = new Set();
    for (const flow of report.flows) {
        const entries = flow.entries.map((index) => report.entries[index]);
        flow.entries.forEach((index) => drawn.add(index));
        const stamps = entries.find((entry) => entry.stamps);
        section(entries, flow.packets ? flow : stamps ? stampsAsFlow(stamps) : null);
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
        for (const {part, entry, words: own} of parts) {
            const fits = (!kind || entry.kind === kind) && (!verdict || entry.verdict === verdict) &&
                         words.every((word) => own.includes(word));
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
    if (!report.entries.length) {
        return ["Nothing found: no forged reset, no packet that was swallowed, no stalled connection.", ...report.left_out].join(" ");
    }
    const count = new Map();
    for (const entry of report.entries) count.set(entry.headline, (count.get(entry.headline) || 0) + 1);
    const parts = [...count].map(([headline, times]) => (times > 1 ? `${headline} (${times} times)` : headline));
    return `Found: ${parts.join(", ")}.`;
}

function fill() {
    const title = report.sources.length === 1 ? report.sources[0] : counted(report.sources.length, "file");
    document.title = `flowstamp: ${title}`;
    document.getElementById("title").textContent = title;
    document.getElementById("verdict").textContent = conclusion();
    document.getElementById("filter").hidden = report.entries.length < 2;
    fillChoice("kind", report.entries.map((entry) => entry.kind));
    fillChoice("sure", report.entries.map((entry) => entry.verdict));
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
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawings.forEach((its) => its.redraw()));
addEventListener("beforeprint", () => {
    document.documentElement.classList.add("on-paper");
    drawings.forEach((its) => { its.draw(); its.resize(); its.redraw(); });
});
addEventListener("afterprint", () => {
    document.documentElement.classList.remove("on-paper");
    drawings.forEach((its) => { its.resize(); its.redraw(); });
});
