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

function rowsOf(rows) {
    const list = element("dl");
    for (const [label, text] of rows) list.append(element("dt", "", label), element("dd", "", text));
    return list;
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
        its.append(rowsOf(details));
    }
    return its;
}

// ---- a packet in words ----

// Of report.css; asked for at each packet that is drawn.
let colours = new Map();  // of the scheme, light or dark, that is shown
function colour(name) {
    if (!colours.has(name)) {
        colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
    }
    return colours.get(name);
}
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
