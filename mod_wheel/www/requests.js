// SPDX-License-Identifier: Apache-2.0
/* The panel of requests that are jobs (WheelRequests on): which there are,
 * which of them is the oldest and which takes the most CPU time, and a stop of
 * one.  The only file that knows the panel's elements. */

import * as server from "./server.js";
import * as words from "./words.js";
import { el, make, say } from "./elements.js";
import { beginSteps, StepButtons } from "./steps.js";

/* More rows would hide those that matter; the table has all. */
const ROWS_MAX = 25;
/* How long a row is kept that a stop has ended, or that would move others
 * under somebody's pointer. */
const LINGER_MSEC = 6000;
/* A stopped request that is listed after this time is said to run on. */
const RUNS_ON_MSEC = 2000;
/* Less CPU time than this makes no request stand out. */
const CPU_SEC_MIN = 0.1;

const SORTS = {
    age: (a, b) => b.elapsed - a.elapsed || a.id - b.id,
    cpu: (a, b) => b.cpu - a.cpu || SORTS.age(a, b),
};

const rows = new Map();
let sort = "age";
let seen = null;
let look = () => {};

/* A path, which may be broken behind each slash. */
function breakable(text) {
    return text.split(/(?<=\/)/).flatMap((part) =>
        [make("wbr"), part]).slice(1);
}

/* A name, a value and a bar under them. */
class Figure {
    constructor(name) {
        this.node = make("div", "request-figure");
        this.value = make("span", "request-value");
        this.mark = make("span", "request-most");
        this.bar = make("span", "request-bar");
        this.bar.setAttribute("aria-hidden", "true");
        this.bar.append(make("span"));
        this.node.append(make("span", "aside", name), this.value, this.mark,
            this.bar);
    }

    /** @param most what to say if no other has more, or an empty text */
    show(value, most, all) {
        say(this.value, words.duration(value));
        say(this.mark, most);
        this.mark.hidden = !most;
        this.node.classList.toggle("most", Boolean(most));
        this.bar.firstChild.style.width = all > 0
            ? `${Math.min(100, 100 * value / all).toFixed(1)}%` : "0";
    }
}

class Row {
    constructor(request) {
        this.id = request.id;
        this.what = words.request(request);
        this.title = make("p", "request-what");
        this.title.append(make("span", "request-method", request.method), " ",
            ...breakable(`${request.host}${request.path}`));
        this.who = make("p", "aside", words.requestOrigin(request));
        this.state = make("p", "request-state");
        this.age = new Figure("Age");
        this.cpu = new Figure("CPU time");
        this.button = make("button", "halt");
        this.button.type = "button";
        this.button.addEventListener("click", () => this.stop());
        this.means = make("p", "aside");
        this.steps = new StepButtons(this, () => othersOf(this.request));
        const text = make("div", "request-text");
        text.append(this.title, this.who, this.means, this.state,
            this.steps.node);
        this.node = make("li", "request");
        this.node.dataset.id = this.id;
        this.node.append(text, this.age.node, this.cpu.node, this.button);
    }

    show(request, { oldest, busiest, elapsedMax, cpuMax }) {
        this.request = request;
        this.age.show(request.elapsed, oldest === this.id ? "longest" : "",
            elapsedMax);
        this.cpu.show(request.cpu, busiest === this.id ? "most CPU" : "",
            cpuMax);
        /* When the mark was set isn't told; the page has seen it since. */
        if (request.stopped_by !== null && this.marked === undefined) {
            this.marked = performance.now();
        }
        this.showState();
        say(this.means, words.requestSteps(request));
        this.steps.show(request, seen.server);
    }

    runsOn() {
        return this.marked !== undefined
            && performance.now() - this.marked > RUNS_ON_MSEC;
    }

    showState() {
        const { request } = this;
        const marked = request.stopped_by !== null;
        this.node.dataset.state = this.runsOn() ? "runs-on"
            : marked ? "stopping" : request.state;
        /* The keyboard may be on it: it stays, and does nothing. */
        const action = marked ? "Stopping" : "Stop";
        say(this.button, action);
        this.button.setAttribute("aria-disabled", String(marked));
        this.button.setAttribute("aria-label",
            `${action} request ${this.what}, ${this.id}`);
        say(this.state, [words.requestState(request),
            marked ? words.requestStop(request, this.runsOn()) : "",
            this.refused || ""].filter(Boolean).join(" "));
        if (this.runsOn() && !this.told) {
            this.told = true;
            announce(`Request ${this.what} was stopped, and runs on.`);
        }
    }

    async stop() {
        if (this.request.stopped_by !== null) {
            return;
        }
        this.refused = "";
        this.asked = performance.now();
        try {
            const answer = await server.stopId(this.id);
            /* A status that came first has told more. */
            if (!this.over) {
                announce(answer.stopped > 0
                    ? `Request ${this.what} is told to stop.`
                    : `Request ${this.what} had ended already.`);
            }
        }
        catch (refusal) {
            if (!(refusal instanceof server.Refusal)) {
                throw refusal;
            }
            this.fail(refusal, "Not stopped.");
        }
        look();
    }

    /** A step was asked for.
     *  @param stops it as well */
    tell(what, stops) {
        this.asked = stops ? performance.now() : this.asked;
        this.refused = "";
        if (!this.over) {
            announce(`Request ${this.what} ${what}.`);
        }
        look();
    }

    /** The server has refused it. */
    fail(refusal, sentence) {
        this.asked = undefined;
        if (refusal.status === 404 || this.over) {
            announce(`Request ${this.what} had ended already.`);
            return;
        }
        this.refused = `${sentence} ${words.refusal(refusal).join(" ")}`
            .trim();
        announce(`Request ${this.what}: ${this.refused}`);
        this.showState();
    }

    /** It is listed no longer. */
    end(held) {
        if (this.over) {
            return;
        }
        const from = this.asked ?? this.marked;
        this.over = true;
        this.node.dataset.state = "ended";
        for (const figure of [this.age, this.cpu]) {
            figure.mark.hidden = true;
            figure.node.classList.remove("most");
        }
        this.steps.close();
        passFocusOn(this);
        this.button.remove();
        this.steps.node.remove();
        this.means.remove();
        if (from === undefined && !held) {
            this.remove();
            return;
        }
        const how = from === undefined ? "Ended."
            : "Ended within "
                + `${words.duration((performance.now() - from) / 1000)} of `
                + "its stop.";
        say(this.state, how);
        if (from !== undefined) {
            announce(`Request ${this.what}: ${how}`);
        }
        setTimeout(() => {
            this.remove();
            showSum();
        }, LINGER_MSEC);
    }

    remove() {
        this.steps.close();
        passFocusOn(this);
        this.node.remove();
        rows.delete(this.id);
    }
}

/* Other requests that are listed of the same process. */
function othersOf({ id, pid }) {
    return seen.requests.filter((one) => one.pid === pid && one.id !== id)
        .length;
}

function announce(text) {
    say(el("requests-said"), text);
}

/* Where the keyboard goes when the row that it was on has ended. */
function passFocusOn(row) {
    if (row.node.contains(document.activeElement)) {
        const all = [...el("request-list").children];
        const at = all.indexOf(row.node);
        const next = [...all.slice(at + 1), ...all.slice(0, at).reverse()]
            .map((node) => node.querySelector(".halt")).find(Boolean);
        (next || el("requests-title")).focus({ preventScroll: true });
    }
}

/* Is somebody about to press a button of the list?  Then no row moves.  The
 * focus that a pressed button leaves to the next one is nobody's intent. */
function isHeld() {
    const list = el("request-list");
    return list.matches(":hover")
        || list.querySelector(":focus-visible") !== null;
}

function greatest(requests, figure, least) {
    const first = requests.reduce((most, one) =>
        (!most || one[figure] > most[figure] ? one : most), null);
    return first && first[figure] >= least ? first : null;
}

/* One alone needs no mark. */
function compare(requests) {
    const oldest = greatest(requests, "elapsed", 0);
    const busiest = greatest(requests, "cpu", CPU_SEC_MIN);
    const several = requests.length > 1;
    return {
        oldest: several && oldest ? oldest.id : null,
        busiest: several && busiest ? busiest.id : null,
        elapsedMax: oldest ? oldest.elapsed : 0,
        cpuMax: busiest ? busiest.cpu : 0,
    };
}

function showSum() {
    const n = seen.requests.length;
    const on = seen.server.requests || n > 0 || rows.size > 0;
    el("requests").hidden = !on;
    say(el("requests-count"), words.exact(n));
    el("requests-none").hidden = rows.size > 0;
    el("requests-sorts").hidden = n < 2;
    const rest = n - [...rows.values()].filter((row) => !row.over).length;
    el("requests-more").hidden = rest <= 0;
    say(el("requests-rest"), `${words.exact(rest)} more`);
    const missing = words.missingSteps(seen.server.privileged);
    say(el("requests-missing"), missing);
    el("requests-missing").hidden = !missing;
}

/* In the order of the list, with rows that have ended where they were. */
function place(listed) {
    const list = el("request-list");
    const order = listed.map((request) => rows.get(request.id).node);
    [...list.children].forEach((node, n) => {
        if (node.dataset.state === "ended") {
            order.splice(n, 0, node);
        }
    });
    const focused = document.activeElement;
    order.forEach((node, n) => {
        if (list.children[n] !== node) {
            list.insertBefore(node, list.children[n] || null);
        }
    });
    /* A node that moves loses it. */
    if (list.contains(focused) && focused !== document.activeElement) {
        focused.focus({ preventScroll: true });
    }
}

/** Show the requests of a status. */
export function showRequests(status) {
    const held = isHeld();
    seen = status;
    /* What somebody points at, or has stopped, stays in sight. */
    const stays = (request) => rows.has(request.id)
        && (held || rows.get(request.id).asked !== undefined);
    const listed = [...seen.requests].sort(SORTS[sort])
        .filter((request, n) => n < ROWS_MAX
            || (n < 2 * ROWS_MAX && stays(request)));
    const compared = compare(listed);
    for (const request of listed) {
        let row = rows.get(request.id);
        if (!row) {
            row = new Row(request);
            rows.set(row.id, row);
            el("request-list").append(row.node);
        }
        row.show(request, compared);
    }
    const here = new Set(listed.map((request) => request.id));
    const running = new Set(seen.requests.map((request) => request.id));
    for (const row of rows.values()) {
        if (!running.has(row.id)) {
            row.end(held && rows.size <= 2 * ROWS_MAX);
        }
        else if (!here.has(row.id)) {
            row.remove();
        }
    }
    if (!held) {
        place(listed);
    }
    showSum();
}

function sortBy(key) {
    sort = key;
    for (const name of Object.keys(SORTS)) {
        el(`requests-by-${name}`).setAttribute("aria-pressed",
            String(name === sort));
    }
    showRequests(seen);
}

/** Begin: once, before the first status.
 *  @param lookNow asks for the status at once */
export function beginRequests(lookNow) {
    look = lookNow;
    beginSteps();
    for (const name of Object.keys(SORTS)) {
        el(`requests-by-${name}`).addEventListener("click", () =>
            sortBy(name));
    }
}
