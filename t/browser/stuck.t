#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page marks jobs that don't poll their cancel flag, on each card and in
 * sum, for as long as their threads run. */
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const { pageTest } = require("./lib/page.js");
const { userModule } = require("./lib/server.js");
const { becomes, is, ok } = require("./lib/tap.js");

/* An idle-class thread may have to wait for the CPU, which is no fault. */
const directives = ["WheelLookWarning 100ms", "WheelScheduling normal",
    ...userModule("test_job", "/job", "test-job")];

pageTest({ directives }, async (live, server) => {
    const { page } = live;
    const title = async () => await page.locator("#stuck").isVisible()
        && live.text("#stuck-title");
    const items = () => page.locator("#stuck-list li").allInnerTexts();
    const cards = () => page.locator(".card:has(.card-stuck:visible)")
        .allInnerTexts();
    const stuckJobs = async () => (await server.status()).running
        .filter((job) => job.stuck);

    await server.rotate("good", 1);
    await becomes(() => live.shows(1), "a wheel rotates");
    is([await title(), await cards()], [false, []],
        "of a wheel that looks nothing is said");

    const burn = server.ask("GET", "job/burn");
    await becomes(async () => await title() === "1 job is stuck.",
        "a job that doesn't look is told of", title);
    const doze = server.ask("GET", "job/doze");
    const own = server.ask("GET", "job/own-burn");
    await becomes(async () => await title() === "3 jobs are stuck.",
        "so are one that sleeps and one that runs in its worker", title);
    is(await page.locator("#stuck-title").evaluate((node) =>
        node.closest("[role=status]") !== null), true,
    "their number is read aloud");
    const told = await items();
    const wanted = (await stuckJobs()).map((job) => new RegExp("^foreign "
        + `${job.id} handler test-job, process ${job.pid}: `
        + "no look for [\\d.]+ s$"));
    ok(wanted.length === 3 && wanted.every((one, i) => one.test(told[i])),
        "each by its name, id, handler and process", told.join("\n"));
    const marked = await cards();
    ok(marked.length === 3 && marked.every((words) =>
        /^foreign$/m.test(words) && /^Stuck: no look for [\d.]+ s$/m
            .test(words)),
    "their cards say it, too, and no other card does", marked.join("\n\n"));

    await page.click("#stop-all");
    await becomes(async () => (await items())
        .filter((words) => words.endsWith(", its client is answered"))
        .length === 2,
    "a stop answers the clients of two, which go on and are still told of",
    async () => (await items()).join("\n"));
    await Promise.all([burn, doze]);
    is(await title(), "3 jobs are stuck.", "the third is not answered");
    await becomes(async () => await live.shows(1)
        && (await cards()).length === 1, "and is still among the wheels");
    await becomes(async () => !await page.locator("#wheels-more").isVisible(),
        "no thread is said to wait for a core", () =>
            live.text("#wheels-more"));

    fs.writeFileSync(path.join(server.folder, "www/go"), "");
    await own;
    await becomes(async () => await title() === "2 jobs are stuck.",
        "once the third looks, it is stuck no longer", title);
    await becomes(() => live.shows(0), "and ends");
    live.expectFailures();
    process.kill(server.child.pid, "SIGUSR1");
    await becomes(async () => await title() === false,
        "the others end by a graceful restart, and nothing is said any more",
        title);

    await server.rotate("good", 1);
    await live.changeStatus((seen) => {
        const [job] = seen.running;
        seen.running = Array.from({ length: 11 }, (_, i) => ({
            ...job, id: job.id + i, stuck: true, state: "draining",
            name: "<b>x</b>",
        }));
    });
    await becomes(async () => await title() === "11 jobs are stuck.",
        "when there are many", title);
    is((await items()).length, 8, "some are listed");
    is(await live.text("#stuck-more"), "And 3 more, see the table.",
        "and where to find the rest");
    is(await page.locator("#stuck b").count(), 0, "names are text");
});
