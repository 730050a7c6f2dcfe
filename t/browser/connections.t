#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* A browser opens few connections to a server, and a wheel lives as long as its
 * connection.  The pages of a browser hold ten wheels, say when there is no
 * place for more, and always leave a connection for other requests of the page
 * and of other tabs. */
"use strict";

const { LivePage, pageTest } = require("./lib/page.js");
const { becomes, is, ok } = require("./lib/tap.js");

pageTest({}, async (live, server, context) => {
    const { page } = live;
    const rotating = async () => (await server.status()).jobs.rotating;
    const holdsNone = async (...pages) => {
        for (const one of pages) {
            if (await one.page.locator("#held").isVisible()) {
                return false;
            }
        }
        return true;
    };
    const refusal = (one) => one.text("#refusal");

    /* The page asks without credentials, to know whether a login is wanted. */
    live.expectFailures();
    await page.route("**/rotate", (route) => route.fulfill({ status: 502 }));
    await page.click("#start-one");
    await becomes(() => live.shows(1), "one wheel rotates while a proxy fails");
    await page.unroute("**/rotate");
    await page.click("#stop-all");
    await becomes(() => live.shows(0), "it is stopped");
    live.faulty = false;

    await page.click("#start-ten");
    await becomes(() => live.shows(10), "ten wheels of a page rotate");
    await page.click("#start-one");
    await becomes(async () => /hold no more wheels.* 1 of 1 was not started/
        .test(await refusal(live)), "the page says that its browser can "
        + "hold no more", () => refusal(live));
    is((await server.status()).totals.started, 11,
        "that one was never sent");

    const second = new LivePage(await context.newPage(), server);
    await second.open();
    await becomes(() => second.shows(10),
        "another tab opens beside them and sees them all");
    await second.page.click("#start-ten");
    await becomes(async () => /10 of 10 were not started/
        .test(await refusal(second)), "it shares the places of the first");
    await page.locator(".card button").first().click();
    await becomes(() => live.shows(9), "one is stopped");
    await second.page.click("#start-ten");
    await becomes(async () => /9 of 10 were not started/
        .test(await refusal(second)), "and its place is free in both tabs");
    await becomes(() => second.shows(10), "for one wheel");
    await second.page.click("#stop-all");
    await becomes(async () => (await second.text("#said"))
        .startsWith("Stopped 10 wheels"), "the second tab stops them all",
    () => second.text("#said"));
    await becomes(async () => await rotating() === 0
        && holdsNone(live, second), "none is left");

    await second.page.click("#start-ten");
    await becomes(async () => await rotating() === 10,
        "ten wheels of the second tab rotate");
    const third = await context.newPage();
    await third.goto(`${server.url}stop`);
    ok((await third.locator("body").innerText()).includes("Wheel running job"),
        "/stop typed as an address is answered beside them");
    await becomes(async () => await live.shows(0) && holdsNone(second),
        "and stops them");

    await second.page.click("#start-ten");
    await becomes(() => live.shows(10), "ten more rotate");
    await second.page.reload();
    await becomes(async () => await rotating() === 0,
        "they end when the page that holds them is loaded anew");
    await second.page.click("#start-ten");
    await becomes(async () => await rotating() === 10, "ten more rotate");
    await second.page.close();
    await becomes(async () => await rotating() === 0,
        "they end when their tab is closed");
    await becomes(async () =>
        (await server.status()).totals.ended.gone === 20,
    "since their client went away");
    is(second.trouble, [], "the second tab had no trouble");
});
