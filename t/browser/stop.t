#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page stops one wheel, those of a name, or all, and shows each one's
 * lucky number. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { becomes, is, ok, until } = require("./lib/tap.js");

pageTest({}, async (live, server) => {
    const { page } = live;
    const stopOf = (id) => page.locator(`.card[data-id="${id}"] button`);

    await server.rotate("blue", 2);
    const [red] = await server.rotate("red", 1);
    await page.fill("#name", "green");
    await page.click("#start-one");
    await page.click("#start-one");
    await becomes(() => live.shows(5),
        "the page shows its own wheels and those of others");

    const names = async () => (await live.wheels()).map((one) => one.name);
    const own = (await live.wheels()).find((one) => one.name === "green");
    await stopOf(own.id).click();
    await becomes(() => live.shows(4), "one wheel is stopped by its button");
    is((await names()).filter((name) => name === "green").length, 1,
        "the other wheel of that name rotates on");
    const words
        = /^Stopped 1 wheel at \d\d:\d\d:\d\d\.\d{3}, answered in [\d.]+ ms\.$/;
    await becomes(async () => words.test(await live.text("#said")),
        "the moment of the stop is told", () => live.text("#said"));
    const card = page.locator(`.card[data-id="${own.id}"]`);
    const { number: lucky } = await until(async () =>
        (await server.status()).recent.find((one) => one.id === own.id));
    const speed = () => card.locator(".card-speed").innerText();
    await becomes(async () => await speed() === `Lucky number ${lucky}`,
        "its wheel shows the lucky number that the server gave", speed);
    await becomes(() => card.locator(".disc").evaluate((disc, number) => {
        const shown = new DOMMatrix(getComputedStyle(disc).transform);
        const degrees = Math.atan2(shown.b, shown.a) * 180 / Math.PI;
        const off = ((degrees + number * 36) % 360 + 360) % 360;
        return Math.min(off, 360 - off) < 0.5;
    }, lucky), "its disc comes to rest with that number under the pointer");

    await stopOf((await live.wheels())
        .find((one) => one.name === "red").id).click();
    const answer = await red;
    await becomes(async () => (await live.ended())
        .some((one) => one.id === answer.id), "a wheel of another client "
        + "that the page stops is among the ended ones");
    const told = (await live.ended()).find((one) => one.id === answer.id);
    is(told.number, answer.number,
        "with the number that its own client was told");
    ok(/answered [\d.]+ ms after its mark/.test(told.words),
        "and how soon its worker answered", told.words);

    await page.click("#stop-buttons button[data-name=blue]");
    await becomes(() => live.shows(1), "the wheels of a name are stopped");
    is(await names(), ["green"], "and no other");
    await becomes(async () => await page.locator(
        "#stop-buttons button[data-name=blue]").count() === 0,
    "a name of which none rotates has no button any more");

    await page.fill("#name", "");
    await page.click("#start-ten");
    await becomes(() => live.shows(10), "nine more rotate");
    await page.click("#stop-all");
    await becomes(() => live.shows(0), "all are stopped");
    is((await server.status()).jobs.rotating, 0, "on the server, too");
    await becomes(async () => !await page.locator("#held").isVisible(),
        "every wheel of the page has told its number");
    await until(async () => (await server.status()).recent.length === 14);
    const said = new Map((await server.status()).recent
        .map((one) => [one.id, one.number]));
    await page.click("#ended-all");
    await becomes(async () => (await live.ended()).length === 14,
        "all ended wheels are listed when asked for");
    ok((await live.ended()).every((one) => said.get(one.id) === one.number),
        "each with its own lucky number");
    is((await live.ended()).filter((one) => one.words.includes("this page"))
        .length, 11, "those that this page held are marked");

    await page.click("#stop-all");
    await becomes(async () =>
        await live.text("#said") === "Nothing was rotating.",
    "a stop with nothing rotating says so");
    await becomes(async () => await page.locator(".card").count() === 0,
        "wheels that came to rest leave after a while");
});
