// SPDX-License-Identifier: Apache-2.0
/* The live page: polls the status about twice a second, shows it, and sends
 * what is asked for.  Knows the elements of the page but those of the panel of
 * requests; what comes from the server is set as text. */

import * as server from "./server.js";
import * as words from "./words.js";
import { Dial } from "./dial.js";
import { el, make, say } from "./elements.js";
import { addGap, addSample, addStop } from "./plot.js";
import { beginRequests, showRequests } from "./requests.js";

const LOOK_MSEC = 500;
const LOOK_HIDDEN_MSEC = 10000;
const RETRY_MSEC_MIN = 1000;
const RETRY_MSEC_MAX = 10000;
const LINGER_MSEC = 6000;
/* Hosts say once a second how they are. */
const HOSTS_MSEC = 2000;
/* Wheels publish their turns now and then only: over less time than this, a
 * speed would be made of chance. */
const RATE_SEC_MIN = 0.4;
const STUCK_FEW = 8;
const ENDED_MAX = 64;
const ENDED_FEW = 8;
const NAME_RULE = /^[A-Za-z0-9._-]{1,63}$/;
const LOAD_RULE = /^([1-9]\d?|100)$/;

/* ---- what is said to people ---- */

function tell(text) {
    say(el("said"), text);
}

function announce(text) {
    say(el("announce"), text);
}

function showRefusal([title, detail]) {
    say(el("refusal-title"), title);
    say(el("refusal-detail"), detail);
    el("refusal").hidden = false;
}

function hideRefusal() {
    el("refusal").hidden = true;
}

/* A job of another module: it has no wheel, and its number means what that
 * module says.  An answer to /rotate names no handler, and is of a wheel. */
function isForeign(job) {
    return job.handler !== undefined && job.handler !== "wheel-rotate";
}

function handlerWords(job) {
    return job.handler ? `handler ${job.handler}` : "no handler";
}

/* ---- wheels on the screen ---- */

const cards = new Map();
let turnsOnScreen = 1e9;

/* Where the keyboard goes when what it was on leaves the page. */
function passFocusOn(node, next) {
    if (node.contains(document.activeElement)) {
        const place = next && next.querySelector("button");
        (place || el("wheels")).focus({ preventScroll: true });
    }
}

class Card {
    constructor(job) {
        this.id = job.id;
        this.name = job.name;
        this.rate = job.turns_per_second;
        this.dial = new Dial();
        this.node = make("li", "card");
        this.node.dataset.id = job.id;
        this.title = make("p", "card-name", job.name || "no name");
        this.title.classList.toggle("nameless", !job.name);
        this.title.title = job.name || "";
        this.handler = make("p", "card-handler", handlerWords(job));
        this.handler.hidden = !isForeign(job);
        this.node.classList.toggle("foreign", isForeign(job));
        this.speed = make("p", "card-speed");
        this.load = make("p", "card-load",
            job.load ? words.load(job.load) : "");
        this.load.hidden = !job.load;
        this.stuck = make("p", "card-stuck");
        this.age = make("p", "card-age");
        this.button = make("button", "halt", "Stop");
        this.button.type = "button";
        this.button.setAttribute("aria-label",
            `Stop wheel ${job.name || ""} ${job.id}`.replace("  ", " "));
        this.button.addEventListener("click", () => stopId(this.id));
        this.node.append(this.dial.node, this.title,
            make("p", "card-id", job.id), this.handler, this.speed, this.load,
            this.stuck, this.age, this.button);
        this.show(job);
    }

    show(job) {
        const passed = this.seen ? job.elapsed - this.seen.elapsed : 0;
        if (passed > RATE_SEC_MIN) {
            const rate = Math.max(0, job.turns - this.seen.turns) / passed;
            this.rate += (rate - this.rate) * 0.6;
        }
        if (!this.seen || passed > RATE_SEC_MIN) {
            this.seen = { elapsed: job.elapsed, turns: job.turns };
        }
        this.job = job;
        this.node.dataset.state = job.state;
        this.showStuck(job.stuck);
        say(this.speed, `${words.short(this.rate)} turns/s`);
        say(this.age, job.deadline === null
            ? words.duration(job.elapsed)
            : `${words.duration(job.elapsed)} of `
                + words.duration(job.deadline));
    }

    showStuck(stuck) {
        this.node.classList.toggle("unlooking", stuck);
        this.stuck.hidden = !stuck;
        say(this.stuck,
            stuck ? `Stuck: ${words.unlooked(this.job.looked_ms)}` : "");
    }

    turn() {
        if (!this.over) {
            this.dial.spin(this.rate / turnsOnScreen, this.job.number);
        }
    }

    /* The wheel has ended; as may be null when nobody knows how. */
    end(as) {
        if (this.over) {
            return;
        }
        this.over = true;
        this.node.dataset.state = "ended";
        if (as) {
            this.dial.land(as.number);
            say(this.speed, wasTold(as) ? numberWords(as) : "Nobody to tell");
        }
        else {
            this.dial.pause();
            say(this.speed, "Ended");
        }
        this.speed.classList.add("lucky");
        this.load.hidden = true;
        this.showStuck(false);
        say(this.age, as ? `${words.end(as.stopped_by)} after `
            + words.duration(as.elapsed) : "");
        passFocusOn(this.button, this.nextRunning());
        this.button.remove();
        setTimeout(() => {
            this.node.remove();
            cards.delete(this.id);
            showCounts();
        }, LINGER_MSEC);
    }

    nextRunning() {
        const all = [...el("wheel-list").children];
        const running = (node) => node.dataset.state !== "ended";
        const at = all.indexOf(this.node);
        return all.slice(at + 1).find(running)
            || all.slice(0, at).reverse().find(running) || null;
    }
}

function showScale() {
    const running = [...cards.values()].filter((card) => !card.over);
    const fastest = Math.max(0, ...running.map((card) => card.rate));
    if (fastest > 0) {
        while (fastest / turnsOnScreen > 1.25) {
            turnsOnScreen *= 10;
        }
        while (fastest / turnsOnScreen < 0.1 && turnsOnScreen > 1) {
            turnsOnScreen /= 10;
        }
    }
    say(el("scale"), running.length === 0 ? ""
        : `Slowed down: one turn on the screen stands for `
            + `${words.long(turnsOnScreen)} real ones.`);
    for (const card of running) {
        card.turn();
    }
}

function showWheels(running) {
    const fresh = document.createDocumentFragment();
    const here = new Set();
    for (const job of running) {
        /* A draining job is over for everybody but its thread. */
        if (isDraining(job) || ended.has(job.id)) {
            continue;
        }
        here.add(job.id);
        const card = cards.get(job.id);
        if (card) {
            card.show(job);
        }
        else {
            const added = new Card(job);
            cards.set(job.id, added);
            fresh.append(added.node);
        }
    }
    el("wheel-list").append(fresh);
    for (const card of cards.values()) {
        if (!here.has(card.id)) {
            card.end(ended.get(card.id) || null);
        }
    }
    showScale();
}

/* ---- jobs that don't look ---- */

function isDraining(job) {
    return job.state === "draining";
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

function showStuck(running) {
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

/* ---- wheels that have ended ---- */

const ended = new Map();

/* Did somebody hear its number? */
function wasTold(one) {
    return one.stopped_by !== "gone" && one.stopped_by !== "died";
}

function isLucky(one) {
    return wasTold(one) && !isForeign(one);
}

function numberWords(one) {
    return `${isLucky(one) ? "Lucky" : "Last"} number ${one.number}`;
}

function endedItem(one) {
    const item = make("li", "one-ended");
    const told = wasTold(one);
    const badge = make("span", isLucky(one) ? `badge hue-${one.number}`
        : "badge", String(one.number));
    badge.classList.toggle("untold", !told);
    badge.classList.toggle("foreign", isForeign(one));
    badge.prepend(make("span", "hidden-words",
        isLucky(one) ? "Lucky number " : "Last number "));
    const who = make("p", "ended-who");
    who.append(make("span", one.name ? "ended-name" : "nameless",
        one.name || "no name"), " ", make("span", "card-id", one.id));
    if (one.mine) {
        who.append(" ", make("span", "mine", "this page’s"));
    }
    if (isForeign(one)) {
        who.append(" ", make("span", "ended-handler", handlerWords(one)));
    }
    const how = [`${words.end(one.stopped_by)} after `
        + words.duration(one.elapsed), `${words.long(one.turns)} turns`];
    if (one.load) {
        how.push(words.load(one.load));
    }
    if (told && typeof one.answered_ms === "number") {
        how.push(`answered ${words.milliseconds(one.answered_ms)} `
            + "after its mark");
    }
    const text = make("div", "ended-text");
    text.append(who, make("p", "aside", how.join(", ")));
    item.dataset.id = one.id;
    item.append(badge, text, make("time", "ended-at", words.clock(one.at)));
    return item;
}

let endedShown = "";
let endedAll = false;

function showEnded() {
    const newest = [...ended.values()]
        .sort((a, b) => b.at - a.at || b.id - a.id);
    for (const one of newest.splice(ENDED_MAX)) {
        ended.delete(one.id);
    }
    const n = endedAll ? ENDED_MAX : ENDED_FEW;
    const key = [n, ...newest.map((one) => `${one.id} ${one.at}`)].join();
    if (key !== endedShown) {
        endedShown = key;
        el("ended-list").replaceChildren(
            ...newest.slice(0, n).map(endedItem));
        el("ended-none").hidden = newest.length > 0;
        el("ended-all").hidden = newest.length <= ENDED_FEW;
        el("ended-all").setAttribute("aria-expanded", String(endedAll));
        say(el("ended-all"), endedAll ? `Show the last ${ENDED_FEW}`
            : `Show the last ${newest.length}`);
    }
}

function announceEnded(fresh) {
    const numbers = fresh.filter((one) => !isForeign(one))
        .map((one) => one.number);
    if (fresh.length === 1) {
        const [one] = fresh;
        announce(`Wheel ${one.name || ""} ${words.end(one.stopped_by)}: `
            + `${isForeign(one) ? "last" : "lucky"} number ${one.number}.`);
    }
    else if (fresh.length > 1) {
        announce(`${words.count(fresh.length, "wheel")} ended`
            + `${numbers.length > 0 ? ": lucky numbers " : ""}`
            + `${numbers.slice(0, 12).join(", ")}`
            + `${numbers.length > 12 ? " and more" : ""}.`);
    }
}

let recentSeen = false;

function takeRecent(recent) {
    const fresh = [];
    for (const one of recent) {
        const known = ended.get(one.id);
        if (!known) {
            fresh.push(one);
        }
        if (!known || !known.fromServer) {
            const at = one.started + one.elapsed;
            ended.set(one.id, {
                ...one, at, fromServer: true, mine: Boolean(known),
            });
            if (one.stopped_by === "stop") {
                addStop(at);
            }
        }
    }
    if (recentSeen) {
        announceEnded(fresh);
    }
    recentSeen = true;
}

/* A wheel that this page has held told its number itself. */
function takeNumber(answer) {
    const known = ended.get(answer.id);
    if (known) {
        known.mine = true;
    }
    else {
        ended.set(answer.id, {
            ...answer, at: Date.now() / 1000, mine: true,
        });
        announceEnded([answer]);
    }
    const card = cards.get(answer.id);
    if (card) {
        card.end(answer);
    }
    endedShown = "";
    showEnded();
    showCounts();
    showStopButtons();
    showHeld();
}

/* ---- figures ---- */

let status = null;

function rotatingCards() {
    return [...cards.values()].filter((card) => !card.over);
}

/* What the wheels with a load are to take together, in words. */
function loadWords() {
    const load = rotatingCards().filter(({ job }) => job.state === "rotating")
        .reduce((sum, { job }) => sum + (job.load || 0), 0);
    return load > 0 ? `, ${words.load(load)} asked for` : "";
}

function showCounts() {
    const n = rotatingCards().length;
    const max = status ? status.limits.wheel_max : 0;
    say(el("wheels-count"), status ? `${words.exact(n)} of at most `
        + `${words.exact(max)}${loadWords()}` : "");
    document.title = n > 0 ? `${words.exact(n)} rotating - mod_wheel`
        : "mod_wheel";
    el("wheels-none").hidden = cards.size > 0 || !status;
    el("wheel-list").classList.toggle("many", cards.size > 24);
    /* Those that are stuck wait for nothing. */
    const draining = status ? status.jobs.draining - status.running
        .filter((job) => job.stuck && isDraining(job)).length : 0;
    el("wheels-more").hidden = draining === 0;
    say(el("wheels-more"), `${words.count(draining, "thread")} of ended `
        + "wheels wait for a core, to see that they may leave.");
}

function showStopButtons() {
    const names = new Map();
    for (const card of rotatingCards()) {
        if (card.name) {
            names.set(card.name, (names.get(card.name) || 0) + 1);
        }
    }
    const row = el("stop-buttons");
    const here = new Map();
    for (const button of row.querySelectorAll("button[data-name]")) {
        if (names.has(button.dataset.name)) {
            here.set(button.dataset.name, button);
        }
        else {
            if (button === document.activeElement) {
                el("stop-all").focus({ preventScroll: true });
            }
            button.remove();
        }
    }
    for (const [name, n] of names) {
        let button = here.get(name);
        if (!button) {
            button = make("button", "halt");
            button.type = "button";
            button.dataset.name = name;
            button.addEventListener("click", () => stopName(name));
            row.insertBefore(button, [...row.children].find((other) =>
                other.dataset.name > name) || null);
        }
        say(button, n > 1 ? `Stop ${name} (${n})` : `Stop ${name}`);
    }
}

function showHeld() {
    const n = server.holds();
    el("held").hidden = n === 0;
    say(el("held"), `This page holds ${words.count(n, "wheel")}, which `
        + `${n === 1 ? "ends" : "end"} when it is closed.`);
}

let before = null;

function showRate(seen) {
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

function showWorkers({ workers, jobs, limits }) {
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

function showTotals({ totals, server: facts }) {
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

/* ---- other hosts ---- */

function hostItem(host) {
    const item = make("li", "host");
    const name = make("p", "host-name", host.host);
    if (host.own) {
        name.append(" ", make("span", "mine", "this one"));
    }
    item.dataset.state = host.state;
    item.append(name, make("p", "aside", host.state === "live"
        ? `${words.exact(host.jobs.rotating)} of at most `
            + `${words.count(host.limits.wheel_max, "wheel")}`
        : `missing for ${words.duration(host.age)}; had `
            + words.count(host.jobs.rotating, "wheel")));
    return item;
}

function showHosts({ hosts, problem }) {
    el("host-list").replaceChildren(...hosts.map(hostItem));
    el("hosts-problem").hidden = !problem;
    say(el("hosts-problem"), problem
        ? `The others can’t be seen, and no stop reaches them: ${problem}.`
        : "");
    el("hosts").hidden = false;
}

let hostsAt = 0;

/* Beside the other looks: Redis may take its time.  What fails is tried
 * again. */
async function lookAtHosts() {
    if (performance.now() < hostsAt) {
        return;
    }
    hostsAt = Infinity;
    try {
        showHosts(await server.lookAtHosts());
    }
    catch (error) {
        if (!(error instanceof server.Refusal)) {
            console.error(error);
        }
    }
    hostsAt = performance.now() + HOSTS_MSEC;
}

/* ---- looking ---- */

let timer = null;
let looking = false;
let lookAgain = false;
let failures = 0;
let retryAt = 0;

function showLink(state, text) {
    el("link").dataset.state = state;
    say(el("link-words"), text);
}

function showSeen(seen) {
    takeRecent(seen.recent);
    showRate(seen);
    status = seen;
    showWheels(seen.running);
    showStuck(seen.running);
    showRequests(seen);
    showEnded();
    showCounts();
    showStopButtons();
    showHeld();
    showWorkers(seen);
    showTotals(seen);
    if (seen.cluster) {
        lookAtHosts();
    }
    el("away").hidden = true;
    document.body.classList.remove("stale");
    showLink("here", "Connected");
}

function showAway(refusal) {
    const [title, detail] = words.refusal(refusal);
    say(el("away-title"), title);
    say(el("away-detail"), [detail, status
        ? `What stands below was seen at ${words.clock(status.time)}.` : ""]
        .filter(Boolean).join(" "));
    el("away").hidden = false;
    document.body.classList.add("stale");
    showLink("away", refusal.status === 0 ? "Not connected" : "Refused");
    for (const card of rotatingCards()) {
        card.dial.pause();
    }
    addGap();
}

function showRetry() {
    if (!el("away").hidden) {
        const left = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
        say(el("away-next"), looking || left === 0 ? "Trying again…"
            : `Next try in ${words.count(left, "second")}.`);
    }
}

function waitFor() {
    const pace = document.hidden ? LOOK_HIDDEN_MSEC : LOOK_MSEC;
    if (failures === 0) {
        return pace;
    }
    return Math.max(pace, Math.min(RETRY_MSEC_MAX,
        RETRY_MSEC_MIN * 2 ** (failures - 1)));
}

async function look() {
    clearTimeout(timer);
    if (looking) {
        lookAgain = true;
        return;
    }
    looking = true;
    lookAgain = false;
    showRetry();
    try {
        showSeen(await server.look());
        failures = 0;
    }
    catch (error) {
        failures++;
        if (!(error instanceof server.Refusal)) {
            console.error(error);
        }
        showAway(error instanceof server.Refusal ? error
            : new server.Refusal(200, "Its status isn’t as expected."));
    }
    looking = false;
    const msec = lookAgain && failures === 0 ? 0 : waitFor();
    retryAt = Date.now() + msec;
    timer = setTimeout(look, msec);
    showRetry();
}

/* ---- asking ---- */

function tellRefused(refusal, { asked, refused }) {
    const [title, detail] = words.refusal(refusal);
    const what = refusal.status === 0
        ? "The connection of a wheel of this page broke."
        : `${refused} of ${asked} asked for `
            + `${asked === 1 ? "was" : "were"} refused.`;
    showRefusal([title, `${what} ${detail}`.trim()]);
}

async function startOne(asked, batch) {
    const wheel = await server.start(asked);
    if (!wheel) {
        return false;
    }
    wheel.number.then(takeNumber, (refusal) => {
        batch.refused++;
        tellRefused(refusal, batch);
        showHeld();
        look();
    });
    return true;
}

async function start(n) {
    const wrong = Object.keys(FAULTS).find((id) => FAULTS[id](el(id).value));
    if (wrong) {
        el(wrong).focus();
        return;
    }
    const name = el("name").value;
    const load = el("load").value;
    hideRefusal();
    const batch = { asked: n, refused: 0 };
    let begun = 0;
    while (begun < n && await startOne({ name, load }, batch)) {
        begun++;
    }
    tell(`Asked for ${words.count(begun, "wheel")}`
        + `${name ? ` named ${name}` : ""}`
        + `${load ? `, ${begun === 1 ? "" : "each "}to take `
            + words.load(Number(load)) : ""}.`);
    if (begun < n) {
        showRefusal(["This browser can hold no more wheels.",
            `${n - begun} of ${n} ${n === 1 ? "was" : "were"} not started: `
            + "each takes one of its few connections to the server, and "
            + `with ${server.holdsMax} it keeps the rest for stopping them. `
            + "Stop some, or start more with curl."]);
    }
    showHeld();
    look();
}

async function stop(send, nothing) {
    hideRefusal();
    const from = performance.now();
    const at = Date.now() / 1000;
    try {
        const answer = await send();
        const took = performance.now() - from;
        tell(answer.stopped === 0 ? nothing
            : `Stopped ${words.count(answer.stopped, "wheel")} at `
                + `${words.clock(at)}, answered in `
                + `${words.milliseconds(took)}.`);
    }
    catch (refusal) {
        if (refusal.status === 404) {
            tell(nothing);
        }
        else {
            showRefusal(words.refusal(refusal));
        }
    }
    showHeld();
    look();
}

function stopAll() {
    return stop(server.stopAll, "Nothing was rotating.");
}

function stopName(name) {
    return stop(() => server.stopName(name),
        `No wheel named ${name} was rotating any more.`);
}

function stopId(id) {
    return stop(() => server.stopId(id), "That wheel had ended already.");
}

/* A URL can't hold a path that ends in . or .. */
function nameIsFit(name) {
    return NAME_RULE.test(name) && name !== "." && name !== "..";
}

function nameFault(name) {
    if (name === "" || nameIsFit(name)) {
        return "";
    }
    return /^\.\.?$/.test(name) ? "A name can’t be only one or two dots."
        : "Only letters A to Z, digits, dot, underscore and hyphen.";
}

function loadFault(load) {
    return load === "" || LOAD_RULE.test(load) ? ""
        : "A load is a whole number from 1 to 100.";
}

/* By the id of a field: what is wrong with what stands in it, or nothing. */
const FAULTS = { name: nameFault, load: loadFault };

function check(id) {
    const help = el(`${id}-help`);
    const advice = help.textContent;
    return () => {
        const fault = FAULTS[id](el(id).value);
        el(id).setAttribute("aria-invalid", String(fault !== ""));
        help.classList.toggle("wrong", fault !== "");
        say(help, fault || advice);
    };
}

/* ---- the page begins ---- */

el("start").addEventListener("submit", (event) => {
    event.preventDefault();
    start(1);
});
el("start-ten").addEventListener("click", () => start(10));
el("stop-all").addEventListener("click", stopAll);
for (const id of Object.keys(FAULTS)) {
    el(id).addEventListener("input", check(id));
}
el("refusal-close").addEventListener("click", () => {
    hideRefusal();
    el("name").focus();
});
el("ended-all").addEventListener("click", () => {
    endedAll = !endedAll;
    showEnded();
});
el("away-try").addEventListener("click", look);
document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
        look();
    }
});
setInterval(showRetry, 500);

beginRequests(look);
for (const path of ["rotate", "stop"]) {
    say(el(`curl-${path}`), `curl ${new URL(path, document.baseURI).href}`);
}
look();
