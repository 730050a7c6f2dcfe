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

/** Why nothing came of a request.
 *  @return title and detail */
export function refusal({ status, detail, retryAfter }) {
    const again = /^\d{1,5}$/.test(retryAfter || "")
        ? ` Try again in ${count(Number(retryAfter), "second")}.` : "";
    const told = detail ? `${detail}${again}` : again.trim();

    if (status === 0) {
        return ["The server can’t be reached.", told];
    }
    if (status === 503) {
        return ["The server is full.", told
            || "It has no room for another wheel now. Stop some, or wait."];
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
