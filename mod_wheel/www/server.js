/* The page's side of the wire: look at the status, start and stop wheels.
 *
 * Browsers keep the connections of requests with and without credentials
 * apart.  Looks and stops go without, wheels are held with them: so neither
 * ever stands in line behind a wheel, even when every connection that the
 * browser grants is held. */

const ASK_MSEC = 5000;

/* Wheels that this page holds at once.  Chromium takes as many as it is
 * given (see hold.js); other browsers hold six. */
const CHROMIUM = /Chrom(e|ium)\//.test(navigator.userAgent);
const LOGIN_HOLDS_MAX = 4;

let credentials = "omit";
let holdsMax = CHROMIUM ? 64 : 6;

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

function understood({ status, type, retryAfter, body }) {
    if (status !== 200) {
        throw new Refusal(status, problemDetail(type, body), retryAfter);
    }
    const answer = parse(body);
    if (answer === null || typeof answer !== "object") {
        throw new Refusal(status, "The answer is not JSON.");
    }
    return answer;
}

async function ask(path, method) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), ASK_MSEC);
    try {
        const answer = await fetch(path, {
            method, credentials, cache: "no-store", redirect: "error",
            signal: limit.signal,
        });
        if (answer.status === 401 && credentials === "omit") {
            /* A login is needed, so all requests share their connections
             * from here on: leave some of them free of wheels. */
            credentials = "same-origin";
            holdsMax = LOGIN_HOLDS_MAX;
            return await ask(path, method);
        }
        return understood({
            status: answer.status,
            type: answer.headers.get("Content-Type") || "",
            retryAfter: answer.headers.get("Retry-After"),
            body: await answer.text(),
        });
    }
    catch (error) {
        if (error instanceof Refusal) {
            throw error;
        }
        throw new Refusal(0, limit.signal.aborted
            ? `No answer within ${ASK_MSEC / 1000} seconds.` : "");
    }
    finally {
        clearTimeout(timer);
    }
}

export function look() {
    return ask("wheel-status?json", "GET");
}

export function stopAll() {
    return ask("stop?json", "POST");
}

export function stopName(name) {
    return ask(`stop/${encodeURIComponent(name)}?json`, "POST");
}

export function stopId(id) {
    return ask(`stop?id=${encodeURIComponent(id)}&json`, "POST");
}

const held = new Set();
const waiting = [];

function hold(wheel) {
    const worker = new Worker("hold.js");
    const name = wheel.name ? `/${encodeURIComponent(wheel.name)}` : "";
    const over = (tell) => {
        worker.terminate();
        held.delete(worker);
        tell();
        holdNext();
    };

    held.add(worker);
    worker.onmessage = (event) => over(() => {
        try {
            wheel.onNumber(understood(event.data));
        }
        catch (refusal) {
            wheel.onRefusal(refusal);
        }
    });
    worker.onerror = () => over(() => wheel.onRefusal(new Refusal(0)));
    worker.postMessage(
        new URL(`rotate${name}?json`, document.baseURI).href);
}

function holdNext() {
    while (waiting.length > 0 && held.size < holdsMax) {
        hold(waiting.shift());
    }
}

/** Start a wheel. wheel.name may be empty; one of wheel.onNumber(answer) and
 *  wheel.onRefusal(refusal) is called when it has ended. */
export function start(wheel) {
    waiting.push(wheel);
    holdNext();
}

/** Forget the wheels that wait for a connection, of one name or all.
 *  @return how many */
export function dropWaiting(name = null) {
    const before = waiting.length;
    for (let i = waiting.length - 1; i >= 0; i--) {
        if (name === null || waiting[i].name === name) {
            waiting.splice(i, 1);
        }
    }
    return before - waiting.length;
}

export function holding() {
    return { held: held.size, waiting: waiting.length, max: holdsMax };
}
