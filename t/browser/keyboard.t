#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* Everything can be done by keyboard alone, and the focus is always visible. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { becomes, is, ok } = require("./lib/tap.js");

pageTest({}, async (live) => {
    const { page } = live;
    const here = () => page.evaluate(() => {
        const place = document.activeElement;
        return place.id || place.dataset.name || place.className
            || place.tagName;
    });
    /* Go on by Tab until there; null when it can't be reached so. */
    const tabTo = async (goal) => {
        for (let i = 0; i < 60; i++) {
            await page.keyboard.press("Tab");
            if (await here() === goal) {
                return goal;
            }
        }
        return null;
    };
    const outlined = () => page.evaluate(() => {
        const style = getComputedStyle(document.activeElement);
        return style.outlineStyle !== "none"
            && parseFloat(style.outlineWidth) >= 2;
    });

    await page.keyboard.press("Tab");
    is(await here(), "skip", "the first stop is a way past the controls");
    ok(await page.locator(".skip").evaluate((link) =>
        link.getBoundingClientRect().top >= 0), "which is then in sight");
    is(await tabTo("name"), "name", "Tab comes to the name");
    ok(await outlined(), "its place is outlined");
    await page.keyboard.type("red");
    await page.keyboard.press("Enter");
    await becomes(() => live.shows(1), "Enter in the name starts one");
    is(await here(), "name", "and leaves the keyboard there");

    is(await tabTo("start-ten"), "start-ten", "Tab comes to Start ten");
    await page.keyboard.press("Space");
    await becomes(() => live.shows(10), "Space starts as many as there is room for");

    const wheels = await live.wheels();
    await tabTo("halt");
    ok(await outlined(), "Tab comes to a wheel's own button, outlined");
    const focused = () => page.evaluate(() => Number(
        document.activeElement.closest(".card")?.dataset.id || 0));
    is(await focused(), wheels[0].id, "that of the first wheel");
    await page.keyboard.press("Enter");
    await becomes(() => live.shows(9), "Enter stops that wheel");
    is(await focused(), wheels[1].id,
        "and the keyboard is on the next wheel's button");

    await page.keyboard.press("Shift+Tab");
    is(await here(), "red", "back, past the ended wheel, is Stop red");
    await page.keyboard.press("Enter");
    await becomes(() => live.shows(0), "Enter stops the wheels of that name");
    is(await here(), "stop-all",
        "as that button goes, the keyboard is on Stop all");
    ok(await outlined(), "which is outlined");
    await page.keyboard.press("Enter");
    await becomes(async () =>
        await live.text("#said") === "Nothing was rotating.",
    "Enter presses it");
});
