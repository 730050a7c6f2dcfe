#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* The server sends the strict policy that the page lives under, it is in
 * force, and other sites can neither frame the page nor change anything. */
"use strict";

const http = require("node:http");

const { pageTest } = require("./lib/page.js");
const { becomes, is, ok, until } = require("./lib/tap.js");

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; "
    + "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'";

pageTest({}, async (live, server, context) => {
    const { page } = live;
    for (const file of ["", "wheel.js", "wheel.css", "wheel.svg"]) {
        const { status, headers } = await server.ask("GET", file);
        is([status, headers["content-security-policy"]], [200, POLICY],
            `the policy is sent with /${file}`);
    }

    const tried = await page.evaluate(async () => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        const answer = await fetch("http://127.0.0.2:9/").catch(() => "none");
        return [window.ran === undefined, answer];
    });
    is(tried, [true, "none"],
        "a script inside the page doesn't run, and no other host is asked");
    const seen = (what) => live.trouble.some((words) =>
        words.startsWith(`policy: ${what}`));
    await becomes(() => seen("script-src") && seen("connect-src"),
        "violations are seen by these tests", async () => live.trouble);
    live.trouble.length = 0;

    /* Another site, which the same browser visits. */
    const other = http.createServer((request, answer) => {
        answer.setHeader("Content-Type", "text/html");
        answer.end("<!doctype html><title>other</title><p>other</p>");
    });
    await new Promise((up) => other.listen(0, "127.0.0.1", up));
    try {
        await server.rotate("red", 1);
        const stranger = await context.newPage();
        await stranger.goto(`http://localhost:${other.address().port}/`);
        const read = await stranger.evaluate(async (url) => {
            const image = new Image();
            image.src = `${url}stop?json`;
            await image.decode().catch(() => {});
            for (const path of ["stop", "rotate"]) {
                await fetch(url + path, {
                    method: "POST", mode: "no-cors",
                    signal: AbortSignal.timeout(2000),
                }).catch(() => {});
            }
            const frame = document.createElement("iframe");
            frame.src = url;
            document.body.append(frame);
            return fetch(`${url}wheel-status?json`)
                .then((answer) => answer.text()).catch(() => "kept away");
        }, server.url);
        is(read, "kept away", "another site can't read the status");
        const now = await server.status();
        is([now.jobs.rotating, now.totals.started, now.totals.ended.stop],
            [1, 1, 0],
            "nor stop or start a wheel");
        const frame = await until(() => stranger.frames()[1]);
        ok(!await frame.evaluate(() =>
            Boolean(document.querySelector("#stop-all"))).catch(() => false),
        "nor put the page in a frame");
        await stranger.close();
    }
    finally {
        other.closeAllConnections();
        other.close();
    }
    await becomes(() => live.shows(1), "the page itself goes on");
});
