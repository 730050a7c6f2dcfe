// SPDX-License-Identifier: Apache-2.0
/* Turns a second and wheels over the last two minutes, drawn by uPlot. */

import { short } from "./words.js";

const SPAN_SEC = 120;
const HEIGHT_PX = 230;
const AGES = [-120, -90, -60, -30, 0];

const node = document.getElementById("plot");
const times = [];
const rates = [];
const counts = [];
const stops = [];
let chart = null;

function colour(name) {
    return getComputedStyle(document.documentElement)
        .getPropertyValue(name).trim();
}

function ageWords(age) {
    if (age === 0) {
        return "now";
    }
    return age % 60 === 0 ? `${-age / 60} min ago` : `${-age} s`;
}

function drawStops(plot) {
    const now = times[times.length - 1];
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour("--halt");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const time of stops) {
        if (time <= now && time > now - SPAN_SEC) {
            const x = Math.round(plot.valToPos(time - now, "x", true));
            ctx.beginPath();
            ctx.moveTo(x, bbox.top);
            ctx.lineTo(x, bbox.top + bbox.height);
            ctx.stroke();
        }
    }
    ctx.restore();
}

function options() {
    const words = colour("--muted");
    const lines = { stroke: colour("--line"), width: 1 };
    const font = "12px system-ui, sans-serif";
    return {
        width: node.clientWidth,
        height: HEIGHT_PX,
        padding: [10, 4, 0, 4],
        legend: { show: false },
        cursor: { show: false },
        scales: {
            x: { time: false, range: () => [-SPAN_SEC, 0] },
            y: { range: (plot, low, high) => [0, Math.max(1, high) * 1.08] },
            wheels: {
                range: (plot, low, high) => [0, Math.max(4, high) * 1.08],
            },
        },
        axes: [
            {
                stroke: words, font, grid: { show: false }, ticks: lines,
                splits: () => AGES,
                values: (plot, ages) => ages.map((age) =>
                    (age % 60 === 0 || node.clientWidth > 480
                        ? ageWords(age) : "")),
            },
            {
                stroke: words, font, grid: lines, ticks: { show: false },
                size: 46, space: 44,
                values: (plot, rows) => rows.map((n) => short(n)),
            },
            {
                scale: "wheels", side: 1, stroke: words, font,
                grid: { show: false }, ticks: { show: false }, size: 34,
                space: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
            },
        ],
        series: [
            {},
            {
                stroke: colour("--accent"), width: 2, points: { show: false },
                fill: colour("--accent-faint"),
            },
            {
                scale: "wheels", stroke: colour("--burning"), width: 1.5,
                dash: [2, 3], points: { show: false },
                paths: uPlot.paths.stepped({ align: 1 }),
            },
        ],
        hooks: { draw: [drawStops] },
    };
}

function data() {
    const now = times[times.length - 1] || 0;
    return [times.map((time) => time - now), rates, counts];
}

function redraw() {
    if (chart) {
        chart.destroy();
    }
    chart = new uPlot(options(), data(), node);
}

/** Add what was seen at a time, in seconds since the epoch.
 *  @param rate null where it isn't known: the line has a gap there */
export function addSample(time, rate, wheels) {
    if (times.length > 0 && time <= times[times.length - 1]) {
        return;
    }
    times.push(time);
    rates.push(rate);
    counts.push(rate === null ? null : wheels);
    /* One sample before the window, so that the line reaches its edge. */
    while (times.length > 2 && times[1] < time - SPAN_SEC) {
        times.shift();
        rates.shift();
        counts.shift();
    }
    while (stops.length > 0 && stops[0] < time - SPAN_SEC) {
        stops.shift();
    }
    if (!document.hidden) {
        if (chart) {
            chart.setData(data());
        }
        else {
            redraw();
        }
    }
}

/** Note the moment of a stop. Many wheels of one stop make one line. */
export function addStop(time) {
    if (!stops.some((other) => Math.abs(other - time) < 0.3)) {
        stops.push(time);
        stops.sort((a, b) => a - b);
    }
}

/** Nothing is known from here on. */
export function addGap() {
    const last = rates.length - 1;
    if (last >= 0 && rates[last] !== null) {
        times.push(times[last] + 0.001);
        rates.push(null);
        counts.push(null);
    }
}

new ResizeObserver(() => {
    if (chart && node.clientWidth > 0) {
        chart.setSize({ width: node.clientWidth, height: HEIGHT_PX });
    }
}).observe(node);

/* A canvas doesn't follow the style sheet by itself. */
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (chart) {
        redraw();
    }
});
