#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page shows refusals of a full server and of one that forbids, and shows
 * what looks like markup in answers as text. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { becomes, is, ok } = require("./lib/tap.js");

const directives = ["WheelMax 3", "<Location /stop/keep>",
    "Require all denied", "</Location>"];

pageTest({ directives }, async (live, server) => {
    const { page } = live;
    const refusal = () => live.text("#refusal");

    live.expectFailures();
    await page.click("#start-ten");
    await becomes(() => live.shows(3),
        "a server with room for three runs three of ten");
    await becomes(async () => (await refusal()).includes("7 of 10"),
        "the page says how many were refused", refusal);
    const full = await refusal();
    ok(full.includes("The server can’t do it now.") && /WheelMax/.test(full)
        && /\. Try again in \d+ second/.test(full),
    "that it has no room, the reason, and when to try again", full);
    is(await live.text("#wheels-count"), "3 of at most 3",
        "the limit stands beside the wheels");

    await page.click("#stop-all");
    await becomes(() => live.shows(0), "a full server stops all the same");
    ok(!await page.locator("#refusal").isVisible(),
        "the next thing done clears the refusal");

    await page.fill("#name", "keep");
    await page.click("#start-one");
    await becomes(() => live.shows(1), "and has room again");
    await page.click("#stop-buttons button[data-name=keep]");
    await becomes(async () => (await refusal()).startsWith("The server refuses"),
        "a stop that access rules forbid is told as refused", refusal);
    is((await server.status()).jobs.rotating, 1, "and that wheel rotates on");
    await page.click("#refusal-close");
    ok(!await page.locator("#refusal").isVisible(),
        "a refusal can be dismissed");

    const markup = "<img src=x onerror=alert(1)>";
    await page.route("**/stop?json", (route) => route.fulfill({
        status: 400, contentType: "application/problem+json",
        body: JSON.stringify({ title: "Bad", detail: `odd ${markup}` }),
    }));
    await page.click("#stop-all");
    await becomes(async () => (await refusal()).includes(markup),
        "a problem's detail is shown word by word", refusal);
    is(await page.locator("#refusal img").count(), 0, "and only as text");

    await live.changeStatus(({ running }) => {
        for (const job of running) {
            job.name = markup;
        }
    });
    await page.unroute("**/stop?json");
    await page.fill("#name", "");
    await page.click("#start-one");
    await becomes(async () => (await live.wheels())
        .some((wheel) => wheel.name === markup),
    "what stands in the status is shown as text, too");
    is(await page.locator("main img").count(), 0, "and never as markup");
});
