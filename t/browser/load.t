#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* A load can be asked for on the page, and those of wheels are shown, each and
 * all together. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { becomes, is, ok } = require("./lib/tap.js");

pageTest({}, async (live, server) => {
    const { page } = live;
    const count = async () => plain(await live.text("#wheels-count"));
    const loads = async () => (await page.locator(".card-load:visible")
        .allInnerTexts()).map(plain);
    const asked = async () => (await server.status()).running
        .map((job) => job.load);
    /* No line ends between a number and its unit. */
    const plain = (words) => words.replace(/\u00a0/g, " ");

    await page.click("#start-one");
    await becomes(() => live.shows(1), "a wheel without a load rotates");
    is(await asked(), [null], "it takes all it can get");
    is(await loads(), [], "no word of a load stands with it");
    ok(/^1 of at most \d+$/.test(await count()), "nor above it",
        await count());

    const sent = [];
    page.on("request", (request) => {
        if (request.method() === "POST") {
            sent.push(request.url());
        }
    });
    for (const bad of ["0", "101", "2.5", "-1", "x", "07"]) {
        await page.fill("#load", bad);
        await page.click("#start-one");
        is([await page.locator("#load").getAttribute("aria-invalid"),
            await live.text("#load-help")],
        ["true", "A load is a whole number from 1 to 100."],
        `the load '${bad}' is refused by the page itself`);
        is(await page.evaluate(() => document.activeElement.id), "load",
            "and the keyboard is where that can be mended");
    }
    is(sent, [], "nothing is sent for those");
    await page.fill("#load", "");
    is([await page.locator("#load").getAttribute("aria-invalid"),
        (await live.text("#load-help")).startsWith("Load: 1 to 100 percent")],
    ["false", true], "none is right again");

    await page.fill("#name", "red");
    await page.fill("#load", "20");
    await page.keyboard.press("Enter");
    await becomes(() => live.shows(2), "Enter in the load starts a wheel");
    is(plain(await live.text("#said")),
        "Asked for 1 wheel named red, to take 20 % of a core.",
        "the page says what was asked for");
    is(await asked(), [null, 20], "the server was asked for the same");
    await becomes(async () => (await loads()).join() === "20 % of a core",
        "the load stands with its wheel", async () => (await loads()).join());
    await becomes(async () => / of at most \d+, 20 % of a core asked for$/
        .test(await count()), "and above all of them", count);

    await page.fill("#load", "11");
    await page.click("#start-ten");
    await becomes(() => live.shows(10), "more start by one click");
    await server.rotate("blue", 1, "&load=50");
    await becomes(() => live.shows(11), "another client starts one");
    ok(plain(await live.text("#said"))
        === "Asked for 8 wheels named red, each to take 11 % of a core.",
    "the page says that its load is each one's", await live.text("#said"));
    await becomes(async () => (await count()).includes(
        ", 1.58 cores asked for"), "more than a core is told in cores", count);

    await page.click("#stop-buttons button[data-name=red]");
    await becomes(async () => / of at most \d+, 50 % of a core asked for$/
        .test(await count()), "what has ended is asked for no longer", count);
    await becomes(async () => (await loads()).join() === "50 % of a core",
        "on no card either", async () => (await loads()).join());
    await becomes(async () => (await live.ended()).some((one) =>
        /turns, 11 % of a core, answered/.test(plain(one.words))),
    "the list of ended wheels keeps the load",
    async () => (await live.ended()).map((one) => one.words).join());
    await page.click("#stop-all");
    await becomes(async () => /^0 of at most \d+$/.test(await count()),
        "all are stopped, and no load is left", count);
});
