#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* What axe-core can find of WCAG 2.2 AA, in each state of the page. */
"use strict";

const axe = require("axe-core");

const { pageTest } = require("./lib/page.js");
const { userModule } = require("./lib/server.js");
const { becomes, is, until } = require("./lib/tap.js");

const directives = ["WheelMax 4", "WheelLookWarning 100ms",
    ...userModule("test_job", "/job", "test-job")];

const RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa",
    "wcag22aa", "best-practice"] };

pageTest({ directives }, async (live, server, context) => {
    const { page } = live;
    /* By the debugger, which the policy doesn't bind, as it does scripts. */
    const debug = await context.newCDPSession(page);
    const look = async (state) => {
        const { result } = await debug.send("Runtime.evaluate", {
            awaitPromise: true, returnByValue: true,
            expression: `axe.run(document, ${JSON.stringify(RULES)})`,
        });
        is(result.value.violations.map(({ id, nodes }) =>
            [id, ...nodes.map((node) => node.html)]), [],
        `axe finds nothing to mend in ${state}`);
        return result.value.passes.length;
    };

    await debug.send("Runtime.evaluate", { expression: axe.source });
    for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await look(`an idle page, ${colorScheme}`);
        live.expectFailures();
        await page.fill("#name", "red");
        await page.click("#start-ten");
        await becomes(() => live.shows(4), "four wheels rotate");
        await until(() => page.locator("#refusal").isVisible());
        await look(`a page with wheels and a refusal, ${colorScheme}`);
        await page.fill("#name", "two words");
        await look(`a page with a wrong name, ${colorScheme}`);
        await page.click("#stop-all");
        await becomes(() => live.shows(0), "they are stopped");
        await look(`a page with ended wheels, ${colorScheme}`);
    }
    server.ask("GET", "job/doze").catch(() => {});
    await server.rotate("red", 1, "&load=20");
    await becomes(() => page.locator("#stuck").isVisible()
        && page.locator(".card-load:visible").isVisible(),
    "a job is stuck, and a wheel has a load");
    await page.fill("#load", "x");
    for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await look(`a page with those and a wrong load, ${colorScheme}`);
    }
    await server.stop();
    await until(() => page.locator("#away").isVisible());
    for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        await look(`a page without a server, ${colorScheme}`);
    }
});
