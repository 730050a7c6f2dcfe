#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* Jobs of other modules are shown with the name of their handler, and not as
 * wheels. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { userModule } = require("./lib/server.js");
const { becomes, is, ok } = require("./lib/tap.js");

const directives = userModule("test_job", "/job", "test-job");
const MARKUP = "<img src=x onerror=alert(1)>";

pageTest({ directives }, async (live, server) => {
    const { page } = live;
    const card = (name) => page.locator(".card")
        .filter({ has: page.locator(`.card-name:text-is("${name}")`) });
    const handler = async (name) => (await card(name).last().innerText())
        .split("\n").find((line) => line.includes("handler")) || "";

    await server.rotate("red", 1);
    await becomes(() => live.shows(1), "a wheel rotates");
    is(await handler("red"), "", "no word of a handler stands with a wheel");
    const job = server.ask("GET", "job/spin");
    await becomes(() => live.shows(2), "so does a job of another module");
    is(await handler("foreign"), "handler test-job",
        "with the name of its handler");
    await becomes(async () =>
        await card("foreign").locator(".dial-number").innerText() === "200",
    "its number is shown, whatever it is");
    is(await page.locator(".digit:visible").count(), 10,
        "the ten numbers and the pointer are the wheel's alone");
    const [number, hub] = await card("foreign").evaluate((node) => {
        const range = document.createRange();
        range.selectNodeContents(node.querySelector(".dial-number"));
        return [range, node.querySelector(".hub")]
            .map((place) => place.getBoundingClientRect().width);
    });
    ok(number < hub, "three digits fit into the middle of the disc",
        `${number} of ${hub}`);

    await page.click("#stop-all");
    await job;
    await becomes(async () => (await live.ended()).length === 2,
        "both are stopped");
    is(await card("foreign").locator(".card-speed").innerText(),
        "Last number 200", "its last number is not called lucky");
    ok(/^Lucky number \d$/.test(
        await card("red").locator(".card-speed").innerText()),
    "that of the wheel is");
    const told = (await live.ended()).map((one) => one.words);
    const of = (name) => told.find((one) =>
        new RegExp(`\\n${name} `).test(one)) || told.join();
    ok(/^Last number\s+200/.test(of("foreign"))
        && of("foreign").includes("handler test-job"),
    "the list of ended ones tells the same", of("foreign"));
    ok(/^Lucky number/.test(of("red")) && !of("red").includes("handler"),
        "and of wheels what it always did", of("red"));

    await live.changeStatus(({ running, recent }) => {
        for (const one of [...running, ...recent]) {
            one.handler = one.name === "red" ? null : MARKUP;
        }
    });
    await server.rotate("blue", 1);
    await server.rotate("red", 1);
    await becomes(() => live.shows(2), "two more rotate");
    is(await handler("blue"), `handler ${MARKUP}`,
        "the name of a handler is text");
    is(await page.locator("main img").count(), 0, "and never markup");
    is(await handler("red"), "no handler", "a job may have none");
    await page.click("#stop-all");
    await becomes(() => live.shows(0), "all are stopped");
});
