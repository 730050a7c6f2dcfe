#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* Make the pictures of the README: node t/browser/screenshots.js [FOLDER]
 * page.png, the live page, and status.png, /wheel-status as a table. */
"use strict";

const path = require("node:path");

const { LivePage, openBrowser } = require("./lib/page.js");
const { Server, userModule } = require("./lib/server.js");
const { pause, until } = require("./lib/tap.js");

const FOLDER = path.resolve(process.argv[2]
    || path.join(__dirname, "../../mod_wheel/doc"));
const VIEW = { width: 1000, height: 800 };

/* Enough for a line in the plot that tells something. */
const STEP_MSEC = 12000;

async function start(live, name, n, load = "") {
    await live.page.fill("#name", name);
    await live.page.fill("#load", load);
    for (let i = 0; i < n; i++) {
        await live.page.click("#start-one");
    }
    await pause(STEP_MSEC);
}

/* Down to the end of what is named last. */
async function take(page, name, last) {
    const end = await page.locator(last).first().boundingBox();
    const { width } = page.viewportSize();
    await page.screenshot({
        path: path.join(FOLDER, name), fullPage: true,
        clip: { x: 0, y: 0, width, height: end.y + end.height + 16 },
    });
    console.log(path.join(FOLDER, name));
}

async function main() {
    const server = new Server();
    let browser = null;
    try {
        await server.start(userModule("test_busy", "/reports", "test-busy"));
        browser = await openBrowser();
        const context = await browser.newContext({ viewport: VIEW });
        const live = new LivePage(await context.newPage(), server);
        await live.open();
        await start(live, "", 1);
        await start(live, "red", 2);
        await server.rotate("blue", 8);
        await pause(STEP_MSEC);
        await live.page.click("#stop-buttons button[data-name=blue]");
        await pause(STEP_MSEC);
        await start(live, "green", 2, "20");
        /* A request that waits and one that computes. */
        for (const target of ["reports/daily?wait=9", "reports/yearly?deaf=9"]) {
            server.ask("GET", target).catch(() => {});
            await pause(1500);
        }
        await live.page.locator(".card:not([data-state=ended]) button")
            .first().click();
        /* Its wheel is at rest, and still there. */
        await pause(3000);
        await live.page.fill("#name", "");
        await live.page.fill("#load", "");
        await live.page.mouse.move(0, 0);
        await live.page.evaluate(() => document.activeElement.blur());
        await live.page.evaluate(() => scrollTo(0, 0));
        await take(live.page, "page.png", ".pair");

        const table = await context.newPage();
        await table.setViewportSize(VIEW);
        await table.goto(`${server.url}wheel-status`);
        await until(async () => await table.locator("table").count() > 0);
        /* As wide as its widest row. */
        const width = await table.evaluate(() => Math.max(
            ...[...document.querySelectorAll("table")]
                .map((one) => one.scrollWidth)));
        await table.setViewportSize({ ...VIEW, width: width + 48 });
        await take(table, "status.png", "table >> nth=-1");
    }
    finally {
        if (browser) {
            await browser.close();
        }
        await server.stop();
    }
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
