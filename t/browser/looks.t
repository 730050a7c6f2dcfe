#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page looks about twice a second while one can see it, never twice at a
 * time, and seldom when it is hidden. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { is, ok, until } = require("./lib/tap.js");

pageTest({}, async (live) => {
    const { page } = live;
    let looks = [];
    let now = 0;
    let most = 0;
    const isLook = (request) => request.url().includes("wheel-status");

    page.on("request", (request) => {
        if (isLook(request)) {
            looks.push(Date.now());
            now++;
            most = Math.max(most, now);
        }
    });
    const ended = (request) => {
        now -= isLook(request) ? 1 : 0;
    };
    page.on("requestfinished", ended);
    page.on("requestfailed", ended);
    const gaps = () => looks.slice(1).map((time, i) => time - looks[i]);
    const hide = (hidden) => page.evaluate((is) => {
        Object.defineProperty(document, "hidden",
            { configurable: true, get: () => is });
        document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);

    /* The machine may hold some of them up. */
    const inTheMiddle = () => gaps()
        .sort((a, b) => a - b)[Math.floor(gaps().length / 2)];

    await until(() => looks.length >= 7);
    ok(inTheMiddle() >= 450 && inTheMiddle() < 1500,
        "a page in sight looks about twice a second", gaps().join());

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
    is(meanwhile, 1, "while one look is under way, there is no other");
    ok((await live.text("#away")).includes("within 5 seconds"),
        "a look that takes too long is given up and told of",
        await live.text("#away"));
    await page.unroute("**/wheel-status?json");
    await until(() => live.linkIs("Connected"));
    is(most, 1, "there has never been more than one look at a time");

    await hide(true);
    looks = [];
    await until(() => looks.length >= 3, 40000);
    const slow = gaps();
    ok(slow.length >= 2 && slow[1] > 8000,
        "a hidden page looks about every ten seconds", slow.join());
    await hide(false);
    looks = [];
    await until(() => looks.length >= 6);
    ok(inTheMiddle() < 1500, "in sight again, it looks as often as before",
        gaps().join());
});
