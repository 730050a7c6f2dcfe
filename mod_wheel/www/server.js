// SPDX-License-Identifier: Apache-2.0
/* The page's side of the wire: look at the status, start and stop wheels.
 *
 * A wheel lives as long as the connection that holds it, and a browser opens
 * six to a server, of all its tabs together: six for requests that go with
 * credentials, and six others for those without.  So ten wheels have a place,
 * and two connections stay free: no look, no stop and no other tab ever stands
 * in line behind a wheel. */

const ASK_MSEC = 5000;
/* In a cluster a stop waits for the other hosts, for a minute at most. */
const STOP_MSEC = 65000;

const PLACES = [
    ...Array(6).fill("omit"), ...Array(4).fill("same-origin"),
];

/** What kept the server from doing what it was asked for. */
export class Refusal extends Error {
    /** @param status of HTTP; 0 when no answer came
     *  @param detail the server's own words, if it had any */
    constructor(status, detail = "", retryAfter = null) {
        super(detail || `status ${status}`);
        this.status = status;
        this.detail = detail;
        this.retryAfter = retryAfter;
    }
}

function parse(text) {
    try {
        return JSON.parse(text);
    }
    catch (error) {
        return null;
    }
}

/* The detail of a problem+json (RFC 9457); other bodies are not for people. */
function problemDetail(type, body) {
    const problem = /^application\/problem\+json\b/i.test(type)
        ? parse(body) : null;
    const words = problem && (problem.detail || problem.title);
    return typeof words === "string" ? words : "";
}

async function understood(answer) {
    const body = await answer.text();
    if (answer.status !== 200) {
        throw new Refusal(answer.status,
            problemDetail(answer.headers.get("Content-Type") || "", body),
            answer.headers.get("Retry-After"));
    }
    const told = parse(body);
    if (told === null || typeof told !== "object") {
        throw new Refusal(200, "The answer is not JSON.");
    }
    return told;
}

async function ask(path, method, msec = ASK_MSEC) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), msec);
    try {
        const answer = await fetch(path, {
            method, credentials: "same-origin", cache: "no-store",
            redirect: "error", signal: limit.signal,
        });
        return await understood(answer);
    }
    catch (error) {
        if (error instanceof Refusal) {
            throw error;
        }
        throw new Refusal(0, limit.signal.aborted
            ? `No answer within ${msec / 1000} seconds.` : "");
    }
    finally {
        clearTimeout(timer);
    }
}

export function look() {
    return ask("wheel-status?json", "GET");
}

/** All hosts of a cluster. */
export function lookAtHosts() {
    return ask("wheel-status?cluster&json", "GET");
}

async function stop(target) {
    const answer = await ask(target, "POST", STOP_MSEC);
    if (!Number.isInteger(answer.stopped)) {
        throw new Refusal(200, "The answer isn’t that of a stop.");
    }
    return answer;
}

export function stopAll() {
    return stop("stop?json");
}

/* By its path, which the configuration may forbid, unless a browser would take
 * that for another one. */
export function stopName(name) {
    return stop(name === "." || name === ".." ? `stop?name=${name}&json`
        : `stop/${encodeURIComponent(name)}?json`);
}

export function stopId(id) {
    return stop(`stop?id=${encodeURIComponent(id)}&json`);
}

/** One step with one request: cut, cooldown or drain. */
export function step(id, name) {
    return ask(`stop?id=${encodeURIComponent(id)}&step=${name}`, "POST");
}

let held = 0;
let open = true;
let openIsKnown = false;
const ownPlaces = new Set();

/* Ask without starting a wheel.
 * @return the status; 401 where the way leads to a page, such as that of a
 * login; 0 for no answer */
function askWhetherLetIn(credentials, signal) {
    return fetch("rotate", {
        method: "OPTIONS", credentials, cache: "no-store",
        redirect: "manual", signal,
    }).then((answer) => (answer.type === "opaqueredirect" ? 401
        : answer.status), () => 0);
}

/* Are requests without credentials let in?  Where the server or a proxy wants
 * a password, a cookie or a certificate, they are not.  Any other failure says
 * nothing of that, so the next wheel asks again. */
async function learnWhetherOpen() {
    if (!openIsKnown) {
        const status = await askWhetherLetIn("omit",
            AbortSignal.timeout(ASK_MSEC));
        open = status === 200;
        openIsKnown = open || [401, 403, 407].includes(status);
    }
}

/* Places of requests without credentials are of use where these are let in.
 * The others are shared by all tabs, with Web Locks: those are for pages of
 * this machine or over TLS.  Elsewhere a tab knows its own places only, and
 * keeps off the connections that looks and stops need. */
function isUsable(place) {
    return place === "omit" ? open : Boolean(navigator.locks);
}

/* Take a place, if it is free in all tabs.  The browser gives it back when the
 * tab is gone.
 * @return a function that gives the place back, or null */
function takePlace(place) {
    if (!navigator.locks) {
        if (ownPlaces.has(place)) {
            return null;
        }
        ownPlaces.add(place);
        return () => ownPlaces.delete(place);
    }
    return new Promise((decided) => {
        navigator.locks.request(`wheel-${place}`, { ifAvailable: true },
            (lock) => (lock ? new Promise(decided) : decided(null)))
            .catch(() => decided(null));
    });
}

async function findPlace() {
    await learnWhetherOpen();
    for (let place = 0; place < PLACES.length; place++) {
        const release = isUsable(PLACES[place]) && await takePlace(place);
        if (release) {
            return { release, credentials: PLACES[place] };
        }
    }
    return null;
}

async function hold({ name, load }, { release, credentials }) {
    const path = name ? `rotate/${encodeURIComponent(name)}` : "rotate";
    const query = load ? `load=${encodeURIComponent(load)}&json` : "json";
    held++;
    try {
        const answer = await fetch(`${path}?${query}`, {
            method: "POST", credentials, cache: "no-store",
            redirect: "error",
        });
        return await understood(answer);
    }
    catch (error) {
        throw error instanceof Refusal ? error : new Refusal(0);
    }
    finally {
        held--;
        release();
    }
}

/** Start a wheel and hold it.
 *  @param wheel its name and load in percent of a core; both may be empty
 *  @return null when the browser has no place for it, else an object whose
 *  number is a promise of the server's answer, once the wheel is stopped, or
 *  of a Refusal */
export async function start(wheel) {
    const place = await findPlace();
    return place ? { number: hold(wheel, place) } : null;
}

/** How many wheels this page holds now. */
export function holds() {
    return held;
}

/** How many all the pages of a browser can hold: none where requests need a
 *  login and its tabs can't share their connections. */
export function holdsMax() {
    return PLACES.filter(isUsable).length;
}

/** Ask whether wheels are refused to this page's user.  The browser may ask
 *  for a login first, with no limit to its time.
 *  @return a Refusal, or null */
export async function refusesAll() {
    const status = await askWhetherLetIn("same-origin", null);
    return status === 200 ? null : new Refusal(status);
}
