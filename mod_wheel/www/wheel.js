// SPDX-License-Identifier: Apache-2.0
/* The live page: polls the status about twice a second, has it shown, and sends
 * what is asked for.  What comes from the server is set as text. */

import * as server from "./server.js";
import * as words from "./words.js";
import { beginCards, cards, rotatingCards, showWheels } from "./cards.js";
import { el, make, say } from "./elements.js";
import { announceEnded, ended, showEnded, takeRecent, toggleEnded }
    from "./ended.js";
import { showRate, showStuck, showTotals, showWorkers } from "./figures.js";
import { lookAtHosts } from "./hosts.js";
import { isDraining } from "./job.js";
import { addGap } from "./plot.js";
import { beginRequests, showRequests } from "./requests.js";

const LOOK_MSEC = 500;
const LOOK_HIDDEN_MSEC = 10000;
const RETRY_MSEC_MIN = 1000;
const RETRY_MSEC_MAX = 10000;
const NAME_RULE = /^[A-Za-z0-9._-]{1,63}$/;
const LOAD_RULE = /^([1-9]\d?|100)$/;

/* ---- what is said to people ---- */

function tell(text) {
    say(el("said"), text);
}

function showRefusal([title, detail]) {
    say(el("refusal-title"), title);
    say(el("refusal-detail"), detail);
    el("refusal").hidden = false;
}

function hideRefusal() {
    el("refusal").hidden = true;
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
    showEnded();
    showCounts();
    showStopButtons();
    showHeld();
}

/* ---- figures ---- */

let status = null;

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
    else {
        el("hosts").hidden = true;
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

async function tellNotStarted(n, asked) {
    const max = server.holdsMax();
    const refusal = max === 0 ? await server.refusesAll() : null;
    const [title, detail] = refusal ? words.refusal(refusal)
        : words.noPlace(max);
    showRefusal([title, `${n} of ${asked} ${asked === 1 ? "was" : "were"} not `
        + `started. ${detail}`.trim()]);
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
        await tellNotStarted(n - begun, n);
    }
    showHeld();
    look();
}

async function stop(send, nothing) {
    hideRefusal();
    tell("Stopping…");
    const from = performance.now();
    const at = Date.now() / 1000;
    try {
        const answer = await send();
        const took = performance.now() - from;
        tell(answer.stopped === 0 ? nothing
            : `Stopped ${words.count(answer.stopped, "wheel")} at `
                + `${words.clock(at)}, answered in `
                + `${words.milliseconds(took)}.`
                + words.hostsMissed(answer.hosts || []));
    }
    catch (refusal) {
        if (refusal.status === 404) {
            tell(nothing);
        }
        else {
            tell("");
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
el("ended-all").addEventListener("click", toggleEnded);
el("away-try").addEventListener("click", look);
document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
        look();
    }
});
setInterval(showRetry, 500);

beginCards({ stop: stopId, changed: showCounts });
beginRequests(look);
for (const path of ["rotate", "stop"]) {
    say(el(`curl-${path}`), `curl ${new URL(path, document.baseURI).href}`);
}
look();
