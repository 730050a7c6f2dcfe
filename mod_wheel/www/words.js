// SPDX-License-Identifier: Apache-2.0
/* Figures and refusals in words. */

const compact = new Intl.NumberFormat("en", {
    notation: "compact", maximumSignificantDigits: 3,
});
const spelled = new Intl.NumberFormat("en", {
    notation: "compact", compactDisplay: "long", maximumSignificantDigits: 3,
});
const plain = new Intl.NumberFormat("en");

/* Of one wheel, and of some. */
const ENDS = {
    finished: ["finished", "finished"],
    stop: ["stopped", "stopped"],
    deadline: ["ended by its deadline", "ended by a deadline"],
    gone: ["left by its client", "left by their clients"],
    shutdown: ["ended by a shutdown", "ended by a shutdown"],
    died: ["killed with its process", "killed with their process"],
};

/* How much of a request stands in a sentence. */
const REQUEST_LETTERS = 120;
/* And of the names of hosts. */
const HOSTS_LETTERS = 200;

const BYTES = { K: "kB", M: "MB", B: "GB", T: "TB" };

/* What a request does. */
const STATES = {
    handler: "Computes",
    reading: "Reads from its client",
    waiting: "Waits",
    sending: "Sends to its client",
};

/* Why a request is to end. */
const MARKS = {
    stop: "Stopped",
    deadline: "Over its time",
    cpu: "Over its CPU time",
    gone: "Left by its client",
};

/* Why a stopped request runs on, by what it does. */
const WAITS = {
    reading: "it waits for its client",
    waiting: "it waits for something that no step of its stop reaches",
    sending: "it waits for its client to take what was sent",
};

/* Steps with one request. */
const STEPS = {
    cut: {
        name: "Cut", refused: "Not cut.",
        taken: "is told to stop, and its wait is cut",
    },
    cooldown: {
        name: "Cool down", refused: "Not cooled down.",
        taken: "is being cooled down",
    },
    drain: {
        name: "Drain", refused: "Not drained.",
        taken: "is told to stop, and its process is drained",
    },
};

/** 51.2M */
export function short(n) {
    return compact.format(n);
}

/** 51.2 million */
export function long(n) {
    return spelled.format(n);
}

/** 51,234,567 */
export function exact(n) {
    return plain.format(n);
}

/** 2 wheels */
export function count(n, noun) {
    return `${plain.format(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** 4.1 s, 3 min 20 s, 2 h 5 min */
export function duration(seconds) {
    if (seconds < 100) {
        return `${seconds.toFixed(1)} s`;
    }
    const whole = Math.floor(seconds);
    if (whole < 3600) {
        return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    }
    const minutes = Math.floor(whole / 60);
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 19:03:12.345, of seconds since the epoch */
export function clock(seconds) {
    const d = new Date(seconds * 1000);
    const two = (n) => String(n).padStart(2, "0");
    return `${two(d.getHours())}:${two(d.getMinutes())}:`
        + `${two(d.getSeconds())}.`
        + String(d.getMilliseconds()).padStart(3, "0");
}

/** 0.42 ms, 4.2 ms, 42 ms */
export function milliseconds(msec) {
    return `${msec.toFixed(msec < 1 ? 2 : msec < 10 ? 1 : 0)} ms`;
}

/** 20 % of a core, 1.2 cores, of a percentage */
export function load(percent) {
    return percent <= 100 ? `${percent}\u00a0% of a core`
        : `${plain.format(percent / 100)} cores`;
}

/** What it means that n jobs are stuck.
 *  @return title and detail */
export function stuck(n) {
    return n === 1 ? ["1 job is stuck.", "It hasn’t looked for long whether "
        + "it is to end, and no stop ends it before it does. The end of its "
        + "process would: by a graceful restart, or by kill -9 with all that "
        + "runs in it."]
        : [`${plain.format(n)} jobs are stuck.`, "They haven’t looked for "
            + "long whether they are to end, and no stop ends them before "
            + "they do. The end of their processes would: by a graceful "
            + "restart, or by kill -9 with all that runs in those."];
}

/** How long a job hasn't looked. */
export function unlooked(msec) {
    return `no look for ${duration(msec / 1000)}`;
}

/** How a wheel ended. */
export function end(reason) {
    return ENDS[reason] ? ENDS[reason][0] : String(reason);
}

/** How n wheels ended. */
export function ends(reason, n) {
    const how = ENDS[reason] ? ENDS[reason][n === 1 ? 0 : 1] : String(reason);
    return `${plain.format(n)} ${how}`;
}

/** 1.2 MB, 640 bytes */
export function bytes(n) {
    return n < 1000 ? count(n, "byte") : `${compact.format(n)
        .replace(/[KMBT]$/, (unit) => `\u00a0${BYTES[unit]}`)}`;
}

/* A text of a client's choice, cut to what a person reads. */
function bounded(text, length) {
    const all = String(text);
    return all.length > length ? `${all.slice(0, length)}…` : all;
}

/** GET example.org/path, for labels and sentences. */
export function request({ method, host, path }) {
    return bounded(`${method} ${host}${path}`, REQUEST_LETTERS);
}

/** Who asks and what answers. */
export function requestOrigin(request) {
    return [`client ${request.client}`,
        request.handler ? `handler ${request.handler}` : "no handler",
        `process ${request.pid}`, `id ${request.id}`].join(", ");
}

/** What a request does now. */
export function requestState(request) {
    const does = STATES[request.state] || String(request.state);
    const limits = [
        ...(request.deadline === null ? []
            : [`at most ${duration(request.deadline)}`]),
        ...(request.cpu_limit === null ? []
            : [`at most ${duration(request.cpu_limit)} of CPU time`]),
    ];
    const sent = request.sent_bytes > 0 ? `${bytes(request.sent_bytes)} sent`
        : "nothing sent";
    const step = request.stopped_by === null && request.step
        ? [`step ${request.step}`] : [];
    return `${[does, sent, ...limits, ...step].join(", ")}.`;
}

/** What has become of the stop of a request that is still listed.  The step
 *  is named as the status names it: whether it had an effect isn't known. */
export function requestStop(request, runsOn) {
    const by = MARKS[request.stopped_by] || String(request.stopped_by);
    const step = request.step ? ` Step ${request.step}.` : "";
    if (!runsOn) {
        return `${by}: stopping.${step}`;
    }
    const why = request.state === "handler"
        ? "it computes, and nothing has interrupted its handler"
        : WAITS[request.state] || "its handler has not returned";
    return `${by}, and runs on: ${why}.${step}`;
}

/** The steps that a stop of a request takes. */
export function requestSteps({ steps }) {
    return `A stop: ${steps.map(({ step, after }) => (after > 0
        ? `${step} after ${duration(after)}` : step)).join(", ")}.`;
}

/** Steps that WheelPrivileged names and that can't be taken. */
export function missingSteps(privileged) {
    return privileged.filter(({ missing }) => missing !== null)
        .map(({ step, missing }) => `Step ${step} can’t be taken: `
            + `${missing}.`).join(" ");
}

/** What stands on the button of a step. */
export function stepName(step) {
    return STEPS[step].name;
}

/** What is asked before a step.
 *  @param others how many other requests are listed of its process
 *  @return title, detail, and what stands on the button */
export function stepQuestion(step, { pid }, others) {
    if (step === "cut") {
        return ["Cut what this request waits for?", "The request is stopped, "
            + "and the socket that its thread waits for is shut down: that of "
            + "a backend or a database, say, and never its client’s. Its peer "
            + "sees the connection end.", "Cut"];
    }
    if (step === "cooldown") {
        return ["Cool this request down?", "It goes on, with CPU time that "
            + "nobody else wants. Other requests that wait for a lock which it "
            + "holds wait longer.", "Cool down"];
    }
    const here = others > 0 ? `${count(others, "other request")} of this list `
        + `${others === 1 ? "runs" : "run"} there. ` : "";
    return [`Drain process ${pid}?`, "The request is stopped. This ends the "
        + `process ${pid} and with it each request that still runs there, `
        + "after its other requests have ended, or have had 30 seconds. "
        + `${here}Another process takes its place at once.`,
    `Drain process ${pid}`];
}

/** What a request is told by a step. */
export function stepTaken(step) {
    return STEPS[step].taken;
}

/** What comes before the reason of a refusal. */
export function stepRefused(step) {
    return STEPS[step].refused;
}

/** The hosts of a cluster that a stop has not reached; nothing if it has
 *  reached all. */
export function hostsMissed(hosts) {
    const missed = hosts.filter(({ outcome }) => outcome !== "stopped");
    const names = bounded(missed.map(({ host }) => host).join(", "),
        HOSTS_LETTERS);
    return missed.length === 0 ? "" : ` ${count(missed.length, "host")} `
        + `${missed.length === 1 ? "has" : "have"} not confirmed it: ${names}.`;
}

/** Why nothing came of a request.
 *  @return title and detail */
export function refusal({ status, detail, retryAfter }) {
    const again = /^\d{1,5}$/.test(retryAfter || "")
        ? ` Try again in ${count(Number(retryAfter), "second")}.` : "";
    const told = again
        ? `${detail.replace(/[^.!?]$/, "$&.")}${again}`.trim() : detail;

    if (status === 0) {
        return ["The server can’t be reached.", told];
    }
    if (status === 503) {
        return ["The server can’t do it now.", told];
    }
    if (status === 403) {
        return ["The server refuses.", told
            || "Its access rules don’t allow this from here."];
    }
    if (status === 401) {
        return ["The server asks for a login.", told];
    }
    if (status === 404) {
        return ["The server doesn’t know it.", told];
    }
    return [`The server answered with status ${status}.`, told];
}

/** Why a page whose browser can hold max wheels starts no other.
 *  @return title and detail */
export function noPlace(max) {
    return max === 0 ? ["This page can start no wheel here.",
        "The server wants a login, and over plain http the tabs of a browser "
        + "can’t agree on who uses its few connections, so that their wheels "
        + "could leave none for stopping them. Use https or curl."]
        : ["This browser can hold no more wheels.",
            "Each takes one of its few connections to the server, and with "
            + `${max} it keeps the rest for stopping them. Stop some, or start `
            + "more with curl."];
}
