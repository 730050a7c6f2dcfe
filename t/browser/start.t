#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* Wheels that are started on the page rotate, and the page shows it. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { becomes, is, ok, pause, until } = require("./lib/tap.js");

/* How far a disc has turned on the screen, in turns. */
function turned(page) {
    return page.locator(".disc").first().evaluate((disc) => {
        const [turning] = disc.getAnimations();
        return turning.currentTime / 1000;
    });
}

pageTest({}, async (live, server) => {
    const { page } = live;

    ok((await live.text("#wheels-none")).includes("No wheel rotates"),
        "an idle server's page says that no wheel rotates");
    ok(!await page.locator("#hosts").isVisible(),
        "a server that is alone shows no hosts");

    const sent = [];
    page.on("request", (request) => {
        if (request.method() === "POST") {
            sent.push(request.url());
        }
    });
    for (const bad of ["two words", "..", "ümlaut", "a/b"]) {
        await page.fill("#name", bad);
        await page.click("#start-one");
        is(await page.locator("#name").getAttribute("aria-invalid"), "true",
            `the name '${bad}' is refused by the page itself`);
    }
    is(sent, [], "and nothing is sent for those");

    await page.fill("#name", "red");
    await page.click("#start-one");
    await becomes(() => live.shows(1), "a wheel that is started appears");
    const [wheel] = await live.wheels();
    is(wheel.name, "red", "it bears its name");
    const [job] = (await server.status()).running;
    is([job.id, job.name], [wheel.id, "red"],
        "it is the one that the server runs");

    const seen = new Set([wheel.number]);
    await becomes(async () => {
        for (const one of await live.wheels()) {
            seen.add(one.number);
        }
        return seen.size >= 3;
    }, "its number changes", () => [...seen].join());
    ok([...seen].every((number) => /^[0-9]$/.test(number)),
        "every number is one of 0 to 9", [...seen].join());

    const before = await turned(page);
    await becomes(async () => await turned(page) > before + 0.05,
        "its disc turns");
    const scale = await live.text("#scale");
    ok(/one turn on the screen stands for 1.* real ones/.test(scale),
        "the page says how much slower than the real one", scale);
    /* Real turns by the scale are the turns on the screen.  In the middle of
     * some samples, since a new rate holds from the next frame on. */
    const ratios = [];
    for (let i = 0; i < 9; i++) {
        ratios.push(await page.evaluate(() => {
            const units = { thousand: 1e3, million: 1e6, billion: 1e9 };
            const letters = { K: 1e3, M: 1e6, B: 1e9 };
            const words = (id) => document.querySelector(id).textContent;
            const { playbackRate } =
                document.querySelector(".disc").getAnimations()[0];
            const [, n, unit] = words("#scale")
                .match(/for (\d+) ?(thousand|million|billion)? real/);
            const [, speed, letter] = words(".card-speed")
                .match(/([\d.]+)([KMB]?) turns/);
            return playbackRate * n * (units[unit] || 1)
                / (speed * (letters[letter] || 1));
        }));
        await pause(150);
    }
    const middle = ratios.sort((a, b) => a - b)[4];
    ok(middle > 0.98 && middle < 1.02,
        "its speed on the screen is the real one by that scale",
        ratios.join());

    await page.click("#stop-all");
    await becomes(() => live.shows(0), "it is stopped");
    await page.fill("#name", "");
    await page.click("#start-ten");
    await becomes(() => live.shows(10), "ten start by one click",
        async () => (await live.wheels()).length);
    is((await server.status()).jobs.rotating, 10,
        "all of them rotate at once on the server");
    const held = await live.text("#held");
    ok(held.includes("This page holds 10 wheels"),
        "the page says that it holds them", held);
    ok(/ now, by 10 wheels$/.test(await live.text("#rate-now"))
        || await until(async () =>
            / now, by 10 wheels$/.test(await live.text("#rate-now"))),
        "the turns a second of all are shown");
    const bar = () => page.locator("#bar").getAttribute("aria-label");
    await becomes(async () => /, 10 hold a wheel,.* 1 reserved$/
        .test(await bar()),
    "the bar tells the workers that burn from the one reserved", bar);

    await becomes(() => page.locator("#plot canvas").evaluate((plot) => {
        const { data } = plot.getContext("2d")
            .getImageData(0, 0, plot.width, plot.height);
        return data.some((byte) => byte !== 0);
    }), "the plot is drawn");
});
