// SPDX-License-Identifier: Apache-2.0
/* TAP on standard output, what a failure saw on standard error, which prove
 * shows, and waiting for a state with a limit. */
"use strict";

const LIMIT_MSEC = 60000;
const PAUSE_MSEC = 40;

let count = 0;
let failed = 0;

function ok(holds, sentence, seen) {
    count++;
    console.log(`${holds ? "ok" : "not ok"} ${count} - ${sentence}`);
    if (!holds) {
        failed++;
        for (const line of String(seen ?? "").split("\n")) {
            console.error(`#   ${line}`);
        }
    }
    return Boolean(holds);
}

function is(seen, wanted, sentence) {
    const [a, b] = [seen, wanted].map((value) => JSON.stringify(value));
    return ok(a === b, sentence, `seen   ${a}\nwanted ${b}`);
}

const pause = (msec) => new Promise((done) => setTimeout(done, msec));

/** Look until the probe tells something true, and return that; null when the
 *  limit passed.  A probe that throws has not seen it. */
async function until(probe, limitMsec = LIMIT_MSEC) {
    const end = Date.now() + limitMsec;
    for (;;) {
        let seen = null;
        try {
            seen = await probe();
        }
        catch (error) {
            seen = null;
        }
        if (seen) {
            return seen;
        }
        if (Date.now() > end) {
            return null;
        }
        await pause(PAUSE_MSEC);
    }
}

/* What a test that waited in vain shows besides its own words. */
let showState = async () => "";

/** @param show returns a promise of a text */
function showsInVain(show) {
    showState = show;
}

/** One assertion: the probe becomes true in time.
 *  @param show what to print when it doesn't */
async function becomes(probe, sentence, show = () => "") {
    const seen = await until(probe);
    const instead = [];
    for (const tell of seen ? [] : [show, showState]) {
        instead.push(await Promise.resolve().then(tell).catch(String));
    }
    ok(seen, sentence, instead.join("\n"));
    return seen;
}

/** Run the body of a test and close the TAP, whatever happens in it. */
async function test(body) {
    try {
        await body();
    }
    catch (error) {
        ok(false, "nothing unforeseen happens", error.stack || error);
    }
    console.log(`1..${count}`);
    process.exitCode = failed > 0 || count === 0 ? 1 : 0;
}

module.exports = { ok, is, until, becomes, pause, showsInVain, test };
