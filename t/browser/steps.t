#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page offers the steps that may harm others, where they can be had; before
 * each it asks, and says who is harmed; then the step is taken with that request
 * alone, and what has become of it is told. */
// Starts first: it takes each step, one after the other.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const axe = require("axe-core");

const { pageTest } = require("./lib/page.js");
const { userModule } = require("./lib/server.js");
const { becomes, is, ok } = require("./lib/tap.js");

const ROOT = process.getuid() === 0;
const directives = ["WheelRequests on slow=50ms",
    ...(ROOT ? ["WheelPrivileged cut cooldown"] : []),
    "WheelOnStop refuse interrupt drain=60s",
    ...userModule("test_busy", "/busy", "test-busy"),
    ...userModule("test_loop", "/loop", "test-loop")];
const RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa",
    "wcag22aa", "best-practice"] };

pageTest({ directives, quick: true }, async (live, server, context) => {
    const { page } = live;
    const row = (what) => live.requestRow(what);
    const state = (what) => row(what).locator(".request-state").innerText();
    const button = (what, name) => row(what).getByRole("button",
        { name: new RegExp(`^${name} `) });
    const offers = (what) => row(what).locator(".request-steps button:visible")
        .allInnerTexts();
    const said = () => live.text("#requests-said");
    const asks = () => page.locator("#step").isVisible();
    const listed = async (what) => (await server.status()).requests
        .find((one) => one.path === what);
    const debug = await context.newCDPSession(page);
    const axeFinds = async () => (await debug.send("Runtime.evaluate", {
        awaitPromise: true, returnByValue: true,
        expression: `axe.run("#step", ${JSON.stringify(RULES)})`,
    })).result.value.violations.map(({ id, nodes }) =>
        [id, ...nodes.map((node) => node.html)]);
    const begin = (target) => {
        const answer = server.ask("GET", target);
        answer.catch(() => {});
        return answer;
    };

    await debug.send("Runtime.evaluate", { expression: axe.source });
    const loops = begin("loop/computes?until");
    begin("busy/waits?wait");
    await becomes(async () => await row("computes").count() === 1
        && await row("waits").count() === 1, "two requests are listed");
    is(await offers("computes"), [...(ROOT ? ["Cut", "Cool down"] : []),
        "Drain"], "each has a button for each step that can be had");
    is(await row("computes").locator("p").nth(2).innerText(),
        "A stop: refuse, interrupt, drain after 60.0 s.",
        "and says what a stop would do");

    await button("computes", "Drain").focus();
    await page.keyboard.press("Enter");
    ok(await asks(), "Enter on one asks first");
    const { pid } = await listed("/loop/computes");
    is(await live.text("#step-title"), `Drain process ${pid}?`,
        "and names the process");
    ok((await live.text("#step-detail")).includes(`ends the process ${pid} `
        + "and with it each request that still runs there, after its other "
        + "requests have ended, or have had 30 seconds. "), "says who is "
        + "harmed", await live.text("#step-detail"));
    ok(/\b1 other request of this list runs there\./.test(
        await live.text("#step-detail"))
        === ((await listed("/busy/waits")).pid === pid),
    "and how many others are listed of it");
    ok(/^GET 127.*\/loop\/computes$/.test(await live.text("#step-request")),
        "and which request is meant", await live.text("#step-request"));
    is(await page.evaluate(() => document.activeElement.id), "step-cancel",
        "the keyboard is on what harms nobody");
    for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        is(await axeFinds(), [], `axe finds nothing to mend, ${colorScheme}`);
    }
    for (const width of [320, 390, 1200]) {
        await page.setViewportSize({ width, height: 900 });
        is(await page.evaluate(() => {
            const box = document.getElementById("step")
                .getBoundingClientRect();
            return [box.left >= 0 && box.right <= innerWidth,
                document.documentElement.scrollWidth - innerWidth,
                ...[...document.querySelectorAll("#step *, .request-steps *")]
                    .map((node) => node.scrollWidth - node.clientWidth)
                    .filter((px) => px > 1)];
        }), [true, 0], `nothing sticks out or is cut at a width of ${width}`);
    }
    await page.keyboard.press("Escape");
    ok(!await asks(), "Escape ends the question");
    await button("computes", "Drain").click();
    await page.click("#step-cancel");
    ok(!await asks() && (await listed("/loop/computes")).stopped_by === null,
        "so does Cancel, and nothing has happened");
    ok(await page.evaluate(() => document.activeElement.textContent
        === "Drain"), "the keyboard is back on its button");

    if (ROOT) {
        await button("computes", "Cool down").click();
        ok(/wait for a lock/.test(await live.text("#step-detail")),
            "before it cools one down, it says who may be harmed");
        await page.click("#step-do");
        await becomes(async () => /computes is being cooled down\.$/
            .test(await said()), "which is told then", said);
        await becomes(async () => / step cooldown\.$/
            .test(await state("computes")), "and shown",
        () => state("computes"));
        is(await offers("computes"), ["Cut", "Drain"],
            "and not offered again");
        is((await listed("/busy/waits")).step, null,
            "no other request is cooled down");
    }

    live.expectFailures();
    await page.route("**/stop?id=*", (route) => route.fulfill({ status: 503,
        contentType: "application/problem+json",
        body: JSON.stringify({ detail: "No drain <b>today</b>." }) }));
    await button("computes", "Drain").click();
    await page.click("#step-do");
    await becomes(async () => /Not drained\. .*No drain <b>today<\/b>\./
        .test(await state("computes")), "a step that is refused is told beside "
        + "its request", () => state("computes"));
    await page.unroute("**/stop?id=*");

    await button("computes", "Drain").click();
    fs.writeFileSync(path.join(server.folder, "www/end"), "");
    await loops;
    await becomes(async () => !await asks(), "a request that ends meanwhile "
        + "ends the question");
    fs.rmSync(path.join(server.folder, "www/end"));

    await server.ask("POST", "stop?path=/busy/waits");
    const again = begin("loop/again?until");
    const busy = begin("busy/ordinary?wait=3");
    await becomes(async () => await row("again").count() === 1,
        "another one loops");
    const other = (await listed("/loop/again")).pid;
    await button("again", "Drain").click();
    await page.click("#step-do");
    await becomes(async () => /Step drain\./.test(await state("again")),
        "it is drained, which is shown", () => state("again"));
    is((await busy).body, "waited\n", "another request ends as usual");
    await becomes(async () => !fs.existsSync(`/proc/${other}`)
        || / Z /.test(fs.readFileSync(`/proc/${other}/stat`, "utf8")),
    "then its process has ended");
    await again.catch(() => {});
    await becomes(async () => await listed("/loop/again") === undefined,
        "and so has the request");

    await live.changeStatus((status) => {
        status.server.privileged = [{ step: "cut", missing: null },
            { step: "cooldown", missing: "this server has no <b>right</b>" }];
    });
    begin("busy/late?wait");
    await becomes(async () => await page.locator("#requests-missing")
        .isVisible() && await live.text("#requests-missing") === "Step cooldown "
        + "can’t be taken: this server has no <b>right</b>.", "a step that is "
        + "missing is told, and why", () => live.text("#requests-missing"));
    await becomes(async () => (await offers("late")).join() === "Cut,Drain",
        "and not offered", () => offers("late"));
});
