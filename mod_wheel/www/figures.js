// SPDX-License-Identifier: Apache-2.0
/* Figures of this server: turns a second, workers, totals; and its jobs that
 * don't poll their marks. */

import * as words from "./words.js";
import { RATE_SEC_MIN } from "./cards.js";
import { el, make, say } from "./elements.js";
import { handlerWords, isDraining } from "./job.js";
import { addGap, addSample } from "./plot.js";

const STUCK_FEW = 8;

let before = null;

export function showRate(seen) {
    const from = before;
    /* Counters begin anew with the server. */
    const same = from && seen.server.uptime > from.server.uptime
        && seen.totals.turns >= from.totals.turns;
    const passed = same ? seen.time - from.time : 0;
    const n = seen.jobs.rotating;
    if (same && passed < RATE_SEC_MIN) {
        return;
    }
    before = seen;
    if (!same) {
        addGap();
        addSample(seen.time, null, n);
        return;
    }
    const rate = (seen.totals.turns - from.totals.turns) / passed;
    addSample(seen.time, rate, n);
    const now = n === 0 ? "0 now"
        : `${words.long(rate)} now, by ${words.count(n, "wheel")}`;
    say(el("rate-now"), now);
    el("plot").setAttribute("aria-label", "Turns a second of all wheels over "
        + `the last two minutes: ${now}`);
}

export function showWorkers({ workers, jobs, limits }) {
    const burning = Math.min(workers.busy, jobs.rotating + jobs.stopping);
    const reserved = Math.min(workers.reserved, workers.idle);
    const parts = {
        burning,
        other: workers.busy - burning,
        free: workers.idle - reserved,
        reserved,
    };
    for (const [part, n] of Object.entries(parts)) {
        el(`part-${part}`).style.flexGrow = n;
        el(`part-${part}`).hidden = n === 0;
        say(el(`workers-${part}`), words.exact(n));
    }
    el("bar").setAttribute("aria-label", `Of ${workers.busy + workers.idle} `
        + `workers, ${burning} hold a wheel, ${parts.other} do other work, `
        + `${parts.free} are free and ${reserved} reserved`);
    const now = workers.busy + workers.idle;
    const more = limits.workers_max - now;
    say(el("workers-sum"), `${words.exact(now)} now`
        + (more > 0 ? `, up to ${words.exact(limits.workers_max)}` : ""));
    say(el("why"), workers.reserved > 0
        ? "A wheel is refused before it would take a reserved worker. So one "
            + "is left to answer a stop, however many wheels spin."
        : "No worker is reserved (WheelReserve 0): wheels may take all of "
            + "them, and a stop then has to wait for one.");
}

export function showTotals({ totals, server: facts }) {
    const ways = Object.entries(totals.ended).filter(([, n]) => n > 0)
        .map(([reason, n]) => words.ends(reason, n));
    const refused = Object.values(totals.refused).reduce((a, b) => a + b, 0);
    say(el("ended-sum"), [
        ...ways, ...(refused ? [`${words.exact(refused)} refused`] : []),
    ].join(", "));
    say(el("server"), `${facts.mpm} MPM, generation ${facts.generation}, up `
        + `${words.duration(facts.uptime)}; `
        + `${words.count(totals.started, "wheel")} started, `
        + `${words.long(totals.turns)} turns.`);
}

function stuckItem(job) {
    const item = make("li");
    item.dataset.id = job.id;
    item.append(make("span", job.name ? "ended-name" : "nameless",
        job.name || "no name"), " ", make("span", "card-id", job.id),
    ` ${handlerWords(job)}, process ${job.pid}: `
        + words.unlooked(job.looked_ms)
        + (isDraining(job) ? ", its client is answered" : ""));
    return item;
}

export function showStuck(running) {
    const stuck = running.filter((job) => job.stuck);
    const rest = stuck.length - STUCK_FEW;
    el("stuck").hidden = stuck.length === 0;
    if (stuck.length > 0) {
        const [title, detail] = words.stuck(stuck.length);
        say(el("stuck-title"), title);
        say(el("stuck-detail"), detail);
    }
    el("stuck-list").replaceChildren(
        ...stuck.slice(0, STUCK_FEW).map(stuckItem));
    el("stuck-more").hidden = rest <= 0;
    say(el("stuck-rest"), `${words.exact(rest)} more`);
}
