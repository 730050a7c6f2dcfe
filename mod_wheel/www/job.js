// SPDX-License-Identifier: Apache-2.0
/* What kind of job one is, and what is said of that. */

/* A job of another module: it has no wheel, and its number means what that
 * module says.  An answer to /rotate names no handler, and is of a wheel. */
export function isForeign(job) {
    return job.handler !== undefined && job.handler !== "wheel-rotate";
}

export function handlerWords(job) {
    return job.handler ? `handler ${job.handler}` : "no handler";
}

/* It is over for everybody but its thread. */
export function isDraining(job) {
    return job.state === "draining";
}

/* Did somebody hear its number? */
export function wasTold(one) {
    return one.stopped_by !== "gone" && one.stopped_by !== "died";
}

export function isLucky(one) {
    return wasTold(one) && !isForeign(one);
}

export function numberWords(one) {
    return `${isLucky(one) ? "Lucky" : "Last"} number ${one.number}`;
}
