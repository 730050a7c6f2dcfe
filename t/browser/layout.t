#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The page fits every width, in light and dark, and has no motion for users who
 * prefer none. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { userModule } = require("./lib/server.js");
const { becomes, is, ok } = require("./lib/tap.js");

const directives = ["WheelLookWarning 100ms",
    ...userModule("test_job", "/job", "test-job")];

const LONGEST = "w".repeat(63);
const SMALL = 24; /* WCAG 2.2, target size (minimum), in CSS pixels */

pageTest({ directives }, async (live, server) => {
    const { page } = live;

    const fits = async (width, what) => {
        await page.setViewportSize({ width, height: 800 });
        const wide = await page.evaluate(() =>
            document.documentElement.scrollWidth - innerWidth);
        ok(wide <= 0, `${what}: nothing sticks out at a width of ${width}`,
            wide);
        const cut = await page.evaluate(() => [...document.querySelectorAll(
            "button:not(.card button), h1, h2, label, .figure, dt, dd, .link,"
            + ".card-id, .card-handler, .card-speed, .card-load, .card-stuck,"
            + ".card-age, .stuck p, .stuck li")]
            .filter((node) => node.offsetParent !== null
                && !node.classList.contains("hidden-words")
                && node.dataset.name === undefined
                && node.scrollWidth > node.clientWidth + 1
                && getComputedStyle(node).display !== "inline")
            .map((node) => node.id || node.textContent));
        is(cut, [], `${what}: no words are cut at ${width}`);
        const small = await page.evaluate((least) =>
            [...document.querySelectorAll("button, input")]
                .map((node) => node.getBoundingClientRect())
                .filter((box) => box.height > 0
                    && (box.height < least || box.width < least)).length,
        SMALL);
        is(small, 0,
            `${what}: everything to press is large enough at ${width}`);
    };

    await server.rotate(LONGEST, 2);
    await server.rotate("red", 9);
    await server.rotate("A.b-c_9", 1, "&load=100&wait=31536000");
    server.ask("GET", "job/doze").catch(() => {});
    await becomes(() => live.shows(13), "thirteen wheels are drawn");
    await becomes(() => page.locator("#stuck").isVisible(),
        "one of them is stuck");
    await page.locator(".card button").first().click();
    await becomes(async () => (await live.ended()).length === 1,
        "and one with a long name has ended");
    is(await page.locator("#stop-buttons button[data-name]")
        .evaluateAll((all) => all.map((one) => one.dataset.name)),
    ["A.b-c_9", "foreign", "red", LONGEST], "the names to stop stand in order");
    for (const width of [320, 390, 768, 1024, 1200, 1920]) {
        await fits(width, "some wheels");
    }
    await server.rotate("red", 29);
    await becomes(() => live.shows(41), "forty-one wheels are drawn");
    for (const width of [320, 390, 1200]) {
        await fits(width, "many wheels");
    }

    /* More names than fit beside the button that stops all. */
    for (let i = 0; i < 8; i++) {
        await server.rotate(`name${i}`, 1);
    }
    await page.setViewportSize({ width: 390, height: 800 });
    await becomes(() => page.locator("#stop-buttons").evaluate((row) => {
        const { bottom } = row.getBoundingClientRect();
        return row.scrollHeight > row.clientHeight
            && [...row.children].some((button) => {
                const box = button.getBoundingClientRect();
                return box.top < bottom - 8 && box.bottom > bottom;
            });
    }), "on a phone, a button that is cut tells of more below");

    const ground = () => page.evaluate(() =>
        getComputedStyle(document.body).backgroundColor);
    /* Does the plot's line have the colour of this moment? */
    const inked = () => page.locator("#plot canvas").evaluate((plot) => {
        const copy = new OffscreenCanvas(plot.width, plot.height)
            .getContext("2d", { willReadFrequently: true });
        copy.drawImage(plot, 0, 0);
        const { data } = copy.getImageData(0, 0, plot.width, plot.height);
        const colour = getComputedStyle(document.documentElement)
            .getPropertyValue("--accent").trim().match(/[0-9a-f]{2}/g)
            .map((byte) => parseInt(byte, 16));
        for (let i = 0; i < data.length; i += 4) {
            if (colour.every((byte, j) => data[i + j] === byte)
                && data[i + 3] === 255) {
                return true;
            }
        }
        return false;
    });
    const light = await ground();
    await becomes(inked, "the plot is drawn in the page's colour");
    await page.emulateMedia({ colorScheme: "dark" });
    await becomes(async () => await ground() !== light,
        "the page is dark where that is wanted");
    await becomes(inked, "and the plot with it");

    const disc = page.locator(".card:not([data-state=ended]) .disc").first();
    const rate = () => disc.evaluate((node) =>
        node.getAnimations()[0].playbackRate);
    await becomes(async () => await rate() > 0, "discs turn");
    await page.emulateMedia({ reducedMotion: "reduce" });
    await becomes(async () => await rate() === 0,
        "and stand still where little motion is wanted");
    await becomes(() => page.evaluate(() => {
        const card = document.querySelector(".card:not([data-state=ended])");
        const number = Number(card.querySelector(".dial-number").textContent);
        const shown = new DOMMatrix(
            getComputedStyle(card.querySelector(".disc")).transform);
        const degrees = Math.atan2(shown.b, shown.a) * 180 / Math.PI;
        const off = ((degrees + number * 36) % 360 + 360) % 360;
        return Math.min(off, 360 - off) < 0.5;
    }), "with the current number under the pointer");
    await page.click("#stop-all");
    await becomes(() => live.shows(0), "all are stopped");

    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${server.url}wheel-status`);
    ok(await page.evaluate(() =>
        document.documentElement.scrollWidth - innerWidth) <= 0,
    "the table of wheels fits a phone");
    ok(/^Running/.test(await page.locator("caption").first().textContent()),
        "and begins with what runs");
});
