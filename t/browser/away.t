#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The server goes away and comes back: the page says so, tries less and less
 * often, and goes on. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { becomes, is, ok, until } = require("./lib/tap.js");

pageTest({ quick: true }, async (live, server) => {
    const { page } = live;
    const away = () => live.text("#away");

    await page.click("#start-ten");
    await becomes(() => live.shows(10), "ten wheels rotate");
    live.expectFailures();
    await server.stop();
    await becomes(async () => (await away()).includes("can’t be reached"),
        "the page says that the server can't be reached", away);
    ok(/was seen at \d\d:\d\d:\d\d/.test(await away()),
        "and when what it still shows was seen", await away());
    is(await live.text("#link-words"), "Not connected",
        "the lamp at the top says the same");
    ok(await until(async () => /Next try in \d+ second/.test(await away())),
        "it says when it tries again", await away());

    const long = async () => (await live.pauses()).filter((msec) => msec > 500);
    await until(async () => (await long()).length >= 6);
    is((await long()).slice(0, 6), [1000, 2000, 4000, 8000, 10000, 10000],
        "it tries less and less often");
    /* In the midst of a pause that leaves time to click. */
    await live.dontHurry();
    const tries = (await live.pauses()).length;
    await until(async () => (await live.pauses()).length > tries);

    await server.start();
    await page.click("#away-try");
    await becomes(() => live.linkIs("Connected"),
        "it is connected again when the server is back");
    ok(!await page.locator("#away").isVisible(), "the words are gone");
    await becomes(() => live.shows(0), "the lost wheels are gone");
    await page.click("#start-one");
    await becomes(() => live.shows(1), "a new wheel starts");

    await page.route("**/wheel-status?json", (route) => route.fulfill(
        { status: 403, contentType: "text/html", body: "<h1>no</h1>" }));
    await becomes(async () => (await away()).includes("The server refuses"),
        "a status that is refused is told as that", away);
    await page.unroute("**/wheel-status?json");
    await becomes(() => live.linkIs("Connected"),
        "and the page goes on by itself when it is allowed again");

    await page.route("**/wheel-status?json", (route) => route.fulfill(
        { contentType: "application/json", body: "{}" }));
    await becomes(async () => (await away()).includes("isn’t as expected"),
        "an answer that isn't a status is told, too", away);
    live.trouble = live.trouble.filter((words) => !/TypeError/.test(words));
});
