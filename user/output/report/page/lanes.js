// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A flow of one capture: lanes over one time axis, drawn by dygraphs.

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
    let charts = [];
    const zoom = (text, range) => {
        const button = element("button", "", text);
        button.type = "button";
        button.addEventListener("click", () => charts[0].updateOptions({dateWindow: range()}));
        tools.append(button);
    };
    if (aroundFindings(flow)) zoom("Around the finding", () => aroundFindings(flow));
    zoom("Whole flow", () => charts[0].xAxisExtremes());
    return {
        its,
        // Where the drawing has its place in the page: a chart is as wide as that.
        draw: () => {
            charts = lanes.map((lane, index) => chartOf(flow, lane, places[index], index === lanes.length - 1, show));
            if (charts.length > 1) Dygraph.synchronize(...charts, {selection: true, zoom: true, range: false});
        },
        redraw: () => charts.forEach((chart) => chart.updateOptions(
            {gridLineColor: colour("grid"), axisLineColor: colour("line")})),
        resize: () => charts.forEach((chart) => chart.resize()),
    };
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
