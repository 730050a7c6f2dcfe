#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* What the page says of a stop that fails, that comes late or that does not
 * reach every host, and what it says without scripts. */
"use strict";

const { openBrowser, pageTest } = require("./lib/page.js");
const { becomes, is, ok } = require("./lib/tap.js");

function json(status, body, type = "application/json") {
    return { status, contentType: type, body: JSON.stringify(body) };
}

const STOPPED = { stopped: 2, wheels: [] };

/* What answers, and what is said and refused then. */
const CASES = [
    ["a stop", json(200, STOPPED), /^Stopped 2 wheels at [^.]*\.\d+, .* ms\.$/,
        null],
    ["a problem", json(502, { detail: "the others were not told" },
        "application/problem+json"), /^$/, /502\. the others were not told/],
    ["no stop's answer", json(200, {}), /^$/, /isn’t that of a stop/],
    ["hosts that have not replied", json(200, { ...STOPPED, hosts: [
        { host: "near", outcome: "stopped", stopped: 2 },
        { host: "<b>far", outcome: "unanswered", stopped: null },
        { host: "old", outcome: "failed", stopped: null }] }),
    / ms\. 2 hosts have not confirmed it: <b>far, old\.$/, null],
    ["an error's page", { status: 500, contentType: "text/html",
        body: "<h1>Oops</h1>" }, /^$/, /^The server answered with status 500\./],
];

pageTest({}, async (live, server) => {
    const { page } = live;
    const said = () => live.text("#said");
    const refused = async () => (await page.locator("#refusal").isVisible()
        ? live.text("#refusal") : null);
    live.expectFailures();
    for (const [what, answer, toSay, toRefuse] of CASES) {
        await page.route("**/stop?json", (route) => route.fulfill(answer));
        await page.click("#stop-all");
        await becomes(async () => toSay.test(await said()) && (toRefuse
            ? toRefuse.test(await refused() || "") : await refused() === null),
        `${what} is told, and nothing that was said before`,
        async () => `${await said()} / ${await refused()}`);
        await page.unroute("**/stop?json");
    }

    /* Longer than a look would wait. */
    let answerNow = null;
    await page.route("**/stop?json", async (route) => {
        await new Promise((now) => {
            answerNow = now;
        });
        await route.fulfill(json(200, STOPPED));
    });
    await live.holdLimits();
    await page.click("#stop-all");
    await becomes(async () => await said() === "Stopping…" && answerNow,
        "a stop under way is told", said);
    await live.passLimits(60000);
    answerNow();
    await becomes(async () => (await said()).startsWith("Stopped 2 wheels"),
        "and may take a minute, as one of a cluster does", said);
    await page.unroute("**/stop?json");

    /* A module may give a job a name that no path can hold. */
    await live.changeStatus(({ running }) => {
        for (const job of running) {
            job.name = job.name === "dots" ? ".." : job.name;
        }
    });
    await server.rotate("dots", 1);
    const button = page.locator("#stop-buttons button[data-name='..']");
    await becomes(() => button.isVisible(), "any name gets a button");
    const [asked] = await Promise.all([
        page.waitForRequest((request) => request.url().includes("stop")),
        button.click()]);
    is(asked.url(), `${server.url}stop?name=..&json`,
        "a stop by the name .. means that name");

    const browser = await openBrowser();
    try {
        const plain = await (await browser.newContext(
            { javaScriptEnabled: false })).newPage();
        await plain.goto(server.url);
        const banner = plain.locator("noscript .banner > *");
        is(await banner.count(), 1, "without scripts, the page says so");
        ok((await banner.boundingBox()).height < 60, "in running text");
    }
    finally {
        await browser.close();
    }
});
