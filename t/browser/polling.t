#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page asks for the status twice a second while one can see it, never twice
 * at a time, and every ten seconds when it is hidden. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { is, ok, until } = require("./lib/tap.js");

pageTest({ quick: true }, async (live) => {
    const { page } = live;
    let polls = 0;

    page.on("request", (request) => {
        polls += request.url().includes("wheel-status") ? 1 : 0;
    });
    /* Counted in the page: what the browser tells of it may come late. */
    await page.evaluate(() => {
        const ask = window.fetch.bind(window);

        window.asked = { now: 0, most: 0 };
        window.fetch = async (what, ...more) => {
            const polls = String(what).includes("wheel-status") ? 1 : 0;
            const { asked } = window;

            asked.now += polls;
            asked.most = Math.max(asked.most, asked.now);
            try {
                return await ask(what, ...more);
            }
            finally {
                asked.now -= polls;
            }
        };
    });
    const hide = (hidden) => page.evaluate((is) => {
        Object.defineProperty(document, "hidden",
            { configurable: true, get: () => is });
        document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);

    /* What the page waits between one answer and the next question.  A change
     * of what is in sight makes it ask at once. */
    const pausesOf = async (count) => {
        const before = polls;
        await until(() => polls >= before + 2);
        const from = (await live.pauses()).length;
        await until(async () => (await live.pauses()).length >= from + count);
        return (await live.pauses()).slice(from, from + count);
    };
    is(await pausesOf(5), Array(5).fill(500),
        "a page in sight asks twice a second");

    /* A server that takes its time to answer is not asked again meanwhile. */
    const held = [];
    await page.route("**/wheel-status?json", (route) => held.push(route));
    await until(() => held.length === 1);
    await page.click("#stop-all");
    await page.click("#stop-all");
    let meanwhile = 0;
    await until(async () => {
        const asked = held.length;
        const over = (await live.text("#away")).includes("No answer");
        meanwhile = over ? meanwhile : asked;
        return over;
    });
    is(meanwhile, 1, "while one question is open, there is no other");
    ok((await live.text("#away")).includes("within 5 seconds"),
        "a question that is open for too long is given up and told of",
        await live.text("#away"));
    await page.unroute("**/wheel-status?json");
    await until(() => live.linkIs("Connected"));
    is(await page.evaluate(() => window.asked.most), 1,
        "there has never been more than one question at a time");

    await hide(true);
    is(await pausesOf(3), Array(3).fill(10000),
        "a hidden page asks every ten seconds");
    await hide(false);
    is(await pausesOf(5), Array(5).fill(500),
        "in sight again, it asks as often as before");
});
