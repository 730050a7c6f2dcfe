#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page lists requests of other modules that take long, marks the one that
 * is oldest and the one that computes most, stops one of them, and says what
 * has become of the stop. */
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const axe = require("axe-core");

const { pageTest } = require("./lib/page.js");
const { userModule } = require("./lib/server.js");
const { becomes, is, ok } = require("./lib/tap.js");

/* A body that never comes outlasts the test, however slow the machine is. */
const directives = ["WheelRequests on slow=50ms", "RequestReadTimeout body=0",
    ...userModule("test_busy", "/busy", "test-busy"),
    ...userModule("test_loop", "/loop", "test-loop")];
const MARKUP = "<img src=x onerror=alert(1)>";
const RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa",
    "wcag22aa", "best-practice"] };

/* A request whose body never comes.  @return a promise of its status */
function readBody(server, target) {
    return new Promise((answered, broke) => {
        const request = http.request(new URL(target, server.url),
            { method: "POST", headers: { "Content-Length": 9 } }, (answer) => {
                answered(answer.statusCode);
                request.destroy();
            });
        request.on("error", broke);
        request.flushHeaders();
    });
}

pageTest({ directives, quick: true }, async (live, server, context) => {
    const { page } = live;
    const panel = page.locator("#requests");
    const row = (what) => live.requestRow(what);
    const state = (what) => row(what).locator(".request-state").innerText();
    const listed = page.locator(".request:not([data-state=ended])");
    const order = () => listed.locator(".request-what").allInnerTexts();
    const first = () => listed.first().locator(".request-state").innerText();
    const said = () => live.text("#requests-said");
    const debug = await context.newCDPSession(page);
    const axeFinds = async () => (await debug.send("Runtime.evaluate", {
        awaitPromise: true, returnByValue: true,
        expression: `axe.run("#requests", ${JSON.stringify(RULES)})`,
    })).result.value.violations.map(({ id, nodes }) =>
        [id, ...nodes.map((node) => node.html)]);

    await debug.send("Runtime.evaluate", { expression: axe.source });
    ok(await panel.isVisible() && /No request takes long/.test(
        await panel.innerText()), "where WheelRequests is on, the panel says "
        + "that no request takes long", await panel.innerText());

    await server.rotate("red", 1);
    const waits = readBody(server, `busy/waits/${"x".repeat(99)}?body`);
    await becomes(async () => (await order()).length === 1,
        "one that waits is listed");
    const loops = server.ask("GET", "loop/computes?until");
    loops.catch(() => {});
    await becomes(async () => (await order()).length === 2,
        "so is one that computes, and no wheel", order);
    ok(/^GET 127\.0\.0\.1(:\d+)?\/loop\/computes$/.test((await order())[1]),
        "with its method, host and path", (await order()).join());
    ok(/^client 127\.0\.0\.1, handler test-loop, process \d+, id \d+$/m
        .test(await row("computes").innerText()),
    "client, handler, process and id", await row("computes").innerText());
    await becomes(async () => await state("computes")
        === "Computes, nothing sent." && await state("waits")
        === "Reads from its client, nothing sent.", "and what it does",
    async () => `${await state("computes")} ${await state("waits")}`);
    await becomes(async () => /most CPU/.test(await row("computes")
        .innerText()) && /longest/.test(await row("waits").innerText()),
    "the one with the most CPU time and the oldest are marked",
    () => panel.innerText());
    is(await page.locator(".request-most:visible").count(), 2,
        "and nothing else is");

    await page.click("#requests-by-cpu");
    await becomes(async () => /computes/.test((await order())[0]),
        "sorted by CPU time, the busiest is the first", order);
    is(await panel.locator("[aria-pressed=true]").innerText(), "CPU time",
        "and the order is told");
    await row("computes").hover();
    await page.locator("#requests-by-age").press("Enter");
    await becomes(async () => /waits/.test((await order())[1])
        && /computes/.test((await order())[0]),
    "no row moves away from under a pointer", order);
    await page.mouse.move(0, 0);
    await becomes(async () => /waits/.test((await order())[0]),
        "but once that has left", order);

    for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        is(await axeFinds(), [], `axe finds nothing to mend, ${colorScheme}`);
    }
    for (const width of [320, 390, 768, 1200]) {
        await page.setViewportSize({ width, height: 900 });
        is(await page.evaluate(() => [document.documentElement.scrollWidth
            - innerWidth, ...[...document.querySelectorAll("#requests p, "
            + "#requests button, .request-figure")].map((node) =>
            node.scrollWidth - node.clientWidth)].filter((px) => px > 1)), [],
        `nothing sticks out or is cut at a width of ${width}`);
    }

    await row("computes").locator(".halt").focus();
    await page.keyboard.press("Enter");
    await becomes(async () => /^Request GET 127.* is told to stop\.$/
        .test(await said()), "Enter stops one", said);
    await becomes(async () => /Stopped, and runs on: it computes, and nothing /
        .test(await state("computes")), "one that nothing interrupts is said "
        + "to run on, and why", () => state("computes"));
    is(await row("computes").locator(".halt").innerText(), "Stopping",
        "its button says that it was told");
    ok(/was stopped, and runs on/.test(await said()),
        "which is read aloud", await said());
    is(await axeFinds(), [], "axe finds nothing to mend there");
    fs.writeFileSync(path.join(server.folder, "www/end"), "");
    await loops;
    await becomes(async () => /^Ended within [\d.]+ s of its stop\.$/
        .test(await state("computes")), "once it has ended, that is said",
    () => state("computes"));
    ok(await page.evaluate(() => document.activeElement.closest(".request")
        ?.textContent.includes("waits")),
    "and the keyboard is on the next one's button");
    await page.keyboard.press("Enter");
    is(await waits, 503, "one that waits is ended by its stop");
    await becomes(async () => /^Ended within/.test(await state("waits")),
        "and that is said", () => state("waits"));
    is((await server.status()).jobs.rotating, 1, "the wheel rotates on");

    live.expectFailures();
    await live.changeStatus((status) => {
        status.requests = Array.from({ length: 40 }, (_, n) => ({
            id: n + 1, method: "GET", host: MARKUP, path: `/${MARKUP}`,
            client: MARKUP, handler: MARKUP, pid: 1, thread: 1, generation: 0,
            state: MARKUP, started: 1, elapsed: 40 - n, cpu: n,
            sent_bytes: 1234567, deadline: 60, cpu_limit: 5,
            stopped_by: null, step: n ? null : "cooldown",
            steps: [{ step: "refuse", after: 0 }],
        }));
    });
    await becomes(async () => (await order()).length === 25,
        "of many, the first 25 are listed", order);
    is(await live.text("#requests-more"), "And 15 more, see the table.",
        "and where to find the rest");
    is(await panel.locator("img").count(), 0, "what is in them is text");
    await becomes(async () => (await first()).endsWith(", 1.23\u00a0MB sent, "
        + "at most 60.0 s, at most 5.0 s of CPU time, step cooldown."),
    "with bytes, limits and step", first);
    const refuse = (status) => page.route("**/stop?id=*", (route) =>
        route.fulfill({ status, contentType: "text/html", body: MARKUP }));
    await refuse(403);
    await listed.first().locator(".halt").click();
    await becomes(async () => /Not stopped\. The server refuses\./
        .test(await first()), "a stop that is refused is told beside its "
        + "request", first);
    await refuse(404);
    await listed.nth(1).locator(".halt").click();
    await becomes(async () => /had ended already/.test(await said()),
        "and one that came too late", said);

    await live.changeStatus((status) => {
        status.server.requests = false;
        status.requests = [];
    });
    await page.reload();
    await becomes(() => live.linkIs("Connected"), "the page is loaded anew");
    ok(!await panel.isVisible(),
        "where WheelRequests is nowhere on, there is no such panel");
});
