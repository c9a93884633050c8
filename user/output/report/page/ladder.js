// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A connection between two captures: a column for each, an arrow a packet, time downwards.

// Columns of an arrow: user/output/report/report_page.cpp.
const TO_B = 0, PASSAGE = 1, AT_A = 2, AT_B = 3, ABOUT = 4, LEFT_OUT_BEFORE = 5;
// What became of its packet: analysis::compare::Passage.
const ARRIVED = 0, NEVER_SENT = 1, EATEN = 2;

const PASSAGE_CLASS = ["arrived", "never-sent", "eaten", "one-sided"];

function svg(tag, attributes, text) {
    const its = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) its.setAttribute(name, value);
    if (text !== undefined) its.textContent = text;
    return its;
}

const pointOf = (arrow) => arrow[AT_A] || arrow[AT_B];
const passageWord = (arrow) => (arrow[PASSAGE] === NEVER_SENT ? "never sent" : arrow[PASSAGE] === EATEN ? "never received" : "");

function arrowText(arrow) {
    const packet = pointOf(arrow);
    const data = packet[PAYLOAD] ? ` +${packet[PAYLOAD]}` : "";
    return [passageWord(arrow), `[${packet[FLAGS]}] ${packet[SEQ]}${data}`].filter(Boolean).join(" ");
}

// The packet's fields at both ends.
function arrowDetails(ladder, arrow) {
    return [AT_A, AT_B].map((at) => {
        const name = ladder.captures[at - AT_A];
        if (!arrow[at]) {
            const isSender = (at === AT_A) === (arrow[TO_B] === 1);
            const why = arrow[PASSAGE] === NEVER_SENT ? "never sent" : arrow[PASSAGE] === EATEN ? "never received"
                : "no packet that is surely this one; nothing is claimed about it";
            return `${name}: ${isSender || arrow[PASSAGE] !== NEVER_SENT ? why : "-"}`;
        }
        const [client, server] = ladder.ends[at - AT_A];
        return `${name}: ${packetText({client, server, first_numbers: ladder.first_numbers}, arrow[at])}`;
    });
}

// Where each point of the arrows lies: in the order of time, never nearer than a label is high.
function layOut(arrows, top) {
    const LABEL = 17, STEP = 5, FAR = 26, PER_MS = 6;
    const points = [];
    arrows.forEach((arrow, index) => {
        const sender = arrow[TO_B] ? AT_A : AT_B;
        const receiver = AT_A + AT_B - sender;
        const sent = arrow[sender] ? arrow[sender][TIME] : -Infinity;
        if (arrow[sender]) points.push({index, at: sender, time: sent});
        // Clocks are not that certain: none arrives before it was sent.
        if (arrow[receiver]) points.push({index, at: receiver, time: Math.max(sent, arrow[receiver][TIME])});
    });
    points.sort((one, other) => one.time - other.time);
    const places = arrows.map(() => ({}));
    const gaps = [];
    const last = {[AT_A]: -Infinity, [AT_B]: -Infinity};
    let y = top, before = null;
    for (const point of points) {
        const leftOut = places[point.index][AT_A] === undefined && places[point.index][AT_B] === undefined
            ? arrows[point.index][LEFT_OUT_BEFORE] : 0;
        if (before !== null) y += Math.min(FAR, Math.max(STEP, (point.time - before) / 1000 * PER_MS));
        y = Math.max(y, last[point.at] + LABEL);
        if (leftOut) {
            gaps.push({y: y + 12, count: leftOut});
            y += 34;
        }
        places[point.index][point.at] = y;
        last[point.at] = y;
        before = point.time;
    }
    return {places, gaps, bottom: y};
}

const secondsText = (point) => (point[TIME] / 1e6).toFixed(4);

// An arrow's line, from and to; one without an end begins, or ends, between the columns.
function lineOf(arrow, place, left, right) {
    const x = {[AT_A]: left, [AT_B]: right};
    const sender = arrow[TO_B] ? AT_A : AT_B;
    const receiver = AT_A + AT_B - sender;
    const slope = 6, reach = (right - left) * 0.3 * (arrow[TO_B] ? 1 : -1);
    const from = place[sender] !== undefined ? [x[sender], place[sender]] : [x[receiver] - reach, place[receiver] - slope];
    const to = place[receiver] !== undefined ? [x[receiver], place[receiver]] : [x[sender] + reach, place[sender] + slope];
    return {from, to};
}

function headOf([fromX, fromY], [x, y]) {
    const angle = Math.atan2(y - fromY, x - fromX);
    const corner = (turn) => `${x - 8 * Math.cos(angle + turn)},${y - 8 * Math.sin(angle + turn)}`;
    return svg("polygon", {points: `${x},${y} ${corner(0.4)} ${corner(-0.4)}`, class: "head"});
}

function crossAt([x, y]) {
    return svg("path", {d: `M${x - 5},${y - 5}l10,10M${x - 5},${y + 5}l10,-10`, class: "cross"});
}

function arrowOf(arrow, place, left, right) {
    const its = svg("g", {class: `arrow ${PASSAGE_CLASS[arrow[PASSAGE]]}`, tabindex: 0});
    const {from, to} = lineOf(arrow, place, left, right);
    const [x1, y1] = from, [x2, y2] = to;
    its.append(svg("line", {x1, y1, x2, y2, class: "reach"}), svg("line", {x1, y1, x2, y2}));
    const isEnding = arrow[arrow[TO_B] ? AT_B : AT_A] !== null;
    its.append(arrow[PASSAGE] === EATEN ? crossAt(to) : headOf(from, to));
    // Near its sender no two lines cross; the words of a short arrow stand at its open end.
    const way = Math.sign(x2 - x1);
    const isWhole = arrow[PASSAGE] === ARRIVED;
    const towards = isWhole ? way : isEnding ? -way : way;
    const [x, y] = isWhole ? [x1 + 8 * way, y1 + (y2 - y1) * 48 / Math.abs(x2 - x1) - 2]
        : isEnding ? [x1 - 6 * way, y1 + 4] : [x2 + 8 * way, y2 + 4];
    its.append(svg("text", {x, y, "text-anchor": towards > 0 ? "start" : "end"}, arrowText(arrow)));
    return its;
}

function drawLadder(ladder, width, select) {
    const GUTTER = 84, LETTER = 8;
    // Long names stand below one another.
    const second = (ladder.captures[0].length + ladder.captures[1].length + 2) * LETTER > width ? 16 : 0;
    const TOP = 44 + second;
    const left = GUTTER, right = width - GUTTER;
    const {places, gaps, bottom} = layOut(ladder.arrows, TOP);
    const height = bottom + (ladder.left_out_after ? 50 : 24);
    const its = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
                            "aria-label": `Packets between ${ladder.captures.join(" and ")}`});
    for (const [x, anchor, name] of [[left, "start", ladder.captures[0]], [right, "end", ladder.captures[1]]]) {
        const y = anchor === "start" ? 14 : 14 + second;
        its.append(svg("text", {x: anchor === "start" ? 2 : width - 2, y, class: "name", "text-anchor": anchor}, name),
                   svg("line", {x1: x, x2: x, y1: 24 + second, y2: height - 4, class: "column"}));
    }
    for (const [x, anchor, text] of [[left - 34, "end", "s"], [left - 5, "end", "TTL"], [right + 5, "start", "TTL"],
                                     [width - 2, "end", "s"]]) {
        its.append(svg("text", {x, y: 32 + second, class: "faint", "text-anchor": anchor}, text));
    }
    const groups = [];
    ladder.arrows.forEach((arrow, index) => {
        const group = arrowOf(arrow, places[index], left, right);
        const stamp = (at, timeX, ttlX, ttlAnchor) => {
            if (!arrow[at]) return;
            const y = places[index][at] + 4;
            group.append(svg("text", {x: timeX, y, class: "faint", "text-anchor": "end"}, secondsText(arrow[at])),
                         svg("text", {x: ttlX, y, "text-anchor": ttlAnchor}, arrow[at][TTL]));
        };
        stamp(AT_A, left - 30, left - 5, "end");
        stamp(AT_B, width - 2, right + 5, "start");
        for (const event of ["pointerenter", "click", "focus"]) group.addEventListener(event, () => select(arrow, group));
        groups.push(group);
    });
    // What findings are about lies above the others.
    its.append(...groups.filter((_, index) => ladder.arrows[index][ABOUT] === null),
               ...groups.filter((_, index) => ladder.arrows[index][ABOUT] !== null));
    const gap = (y, count) => its.append(
        svg("rect", {x: left - 3, y: y - 11, width: right - left + 6, height: 16, class: "gap"}),
        svg("text", {x: (left + right) / 2, y: y + 1, class: "faint", "text-anchor": "middle"},
            `${counted(count, "packet")} left out`));
    for (const {y, count} of gaps) gap(y, count);
    if (ladder.left_out_after) gap(height - 16, ladder.left_out_after);
    return its;
}

function ladderLegend(ladder) {
    const used = new Set(ladder.arrows.map((arrow) => arrow[PASSAGE]));
    const list = element("ul", "legend");
    const signs = [["⟶", "", "sent, and received: [flags] sequence number +bytes"],
                   ["·→", "of-bad", "received, and never sent: starts between the two"],
                   ["—✕", "of-bad", "sent, and never received"],
                   ["⇢", "faint", "in one capture only; nothing is claimed about it"]];
    signs.forEach(([sign, className, text], passage) => {
        if (used.has(passage)) list.append(append(element("li"), element("b", className, sign), ` ${text}`));
    });
    return list;
}

function ladderOf(ladder) {
    const its = element("div", "drawing ladder");
    const [client, server] = ladder.ends[0];
    its.append(element("h3", "", `client ${client}  ·  server ${server}`));
    its.append(element("div", "where", `0 s is ${new Date(ladder.begin_us / 1000).toISOString()}. ${ladder.clocks}`));
    if (ladder.left_out) its.append(element("div", "where", ladder.left_out));
    its.append(ladderLegend(ladder));
    const shown = element("div", "packet faint", isTouched ? "Tap an arrow to see the packet's fields at both ends."
        : "Point at an arrow to see the packet's fields at both ends.");
    const place = element("div", "rungs");
    its.append(shown, place);
    let chosen = null, width = 0;
    const select = (arrow, group) => {
        shown.className = "packet";
        shown.replaceChildren(...arrowDetails(ladder, arrow).map((text) => element("div", "", text)));
        if (chosen) chosen.classList.remove("chosen");
        chosen = group;
        group.classList.add("chosen");
    };
    const draw = () => {
        const now = Math.min(760, place.clientWidth);
        if (!now || now === width) return;
        width = now;
        place.replaceChildren(drawLadder(ladder, now, select));
    };
    // Drawn after the notification: drawing changes the height.
    new ResizeObserver(() => requestAnimationFrame(draw)).observe(place);
    return {its, draw, redraw: () => {}, resize: draw};
}
