// SPDX-License-Identifier: Apache-2.0
/* The live page in a real Chromium, and what must hold in every test of it:
 * no console errors but those that a test expects, no violation of the
 * Content-Security-Policy, no request to another host. */
"use strict";

const { chromium } = require("playwright-core");

const { Server } = require("./server.js");
const { is, showsInVain, test, until } = require("./tap.js");

const BROWSER = {
    executablePath: process.env.WHEEL_CHROMIUM
        || "/usr/bin/chromium-headless-shell",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP *.example 127.0.0.1"],
};
const LIMIT_MSEC_MIN = 5000;
const DESKTOP = { width: 1200, height: 900 };

/* Answers and lost connections that a test asks for show up on the console;
 * nothing that a script can do about it. */
const NETWORK = /^Failed to load resource: /;

class LivePage {
    /** @param host by which it is opened */
    constructor(page, server, host = "127.0.0.1") {
        this.page = page;
        this.server = server;
        this.url = `http://${host}:${server.port}/`;
        this.trouble = [];
        page.on("console", (message) => {
            const text = message.text();
            if (["error", "warning"].includes(message.type())
                && !(this.faulty && NETWORK.test(text))) {
                this.trouble.push(`console ${message.type()}: ${text}`);
            }
        });
        page.on("pageerror", (error) => {
            this.trouble.push(`error: ${error.message}`);
        });
        page.on("request", (request) => {
            if (!request.url().startsWith(this.url)) {
                this.trouble.push(`request to ${request.url()}`);
            }
        });
    }

    /** From here on the server's failures are part of the test. */
    expectFailures() {
        this.faulty = true;
    }

    async open() {
        await this.page.exposeFunction("tellViolation", (words) => {
            this.trouble.push(`policy: ${words}`);
        });
        await this.page.addInitScript(() => {
            document.addEventListener("securitypolicyviolation", (event) => {
                window.tellViolation(
                    `${event.violatedDirective} ${event.blockedURI}`);
            });
        });
        await this.page.goto(this.url);
        await until(() => this.linkIs("Connected"));
    }

    /** Note how long the page pauses between its questions for the status, and
     *  make these pauses short. */
    hurry() {
        return this.page.addInitScript(() => {
            const later = window.setTimeout.bind(window);
            window.pauses = [];
            window.pauseMsecMax = 100;
            window.setTimeout = (run, msec, ...more) => {
                if (run.name !== "look") {
                    return later(run, msec, ...more);
                }
                window.pauses.push(msec);
                return later(run, Math.min(msec, window.pauseMsecMax),
                    ...more);
            };
        });
    }

    /** From now on its pauses are as long as anybody's. */
    async dontHurry() {
        await this.page.evaluate(() => {
            window.pauseMsecMax = Infinity;
        });
    }

    /** From now on, what the page would do after seconds waits for
     *  passLimits(). */
    holdLimits() {
        return this.page.evaluate((least) => {
            const later = window.setTimeout.bind(window);
            window.limits = [];
            window.setTimeout = (run, msec, ...more) => {
                if (msec < least) {
                    return later(run, msec, ...more);
                }
                window.limits.push({ run, msec });
                return 0;
            };
        }, LIMIT_MSEC_MIN);
    }

    /** Do what the page would have done within these milliseconds. */
    passLimits(msec) {
        return this.page.evaluate((most) => {
            for (const { run, msec: after } of window.limits) {
                if (after <= most) {
                    run();
                }
            }
        }, msec);
    }

    /** What the page has paused so far, in milliseconds, if it hurries. */
    pauses() {
        return this.page.evaluate(() => window.pauses);
    }

    async linkIs(words) {
        return await this.text("#link-words") === words;
    }

    text(selector) {
        return this.page.locator(selector).innerText();
    }

    /** What each wheel that rotates on the page shows. */
    wheels() {
        return this.page.locator(".card:not([data-state=ended])")
            .evaluateAll((cards) => cards.map((card) => ({
                id: Number(card.dataset.id),
                name: card.querySelector(".card-name").textContent,
                number: card.querySelector(".dial-number").textContent,
                speed: card.querySelector(".card-speed").textContent,
            })));
    }

    /** What each line of the list of ended wheels shows. */
    ended() {
        return this.page.locator(".one-ended")
            .evaluateAll((items) => items.map((item) => ({
                id: Number(item.dataset.id),
                number: Number(item.querySelector(".badge").textContent
                    .match(/\d$/)[0]),
                words: item.innerText,
            })));
    }

    /** The row of the request whose path has this segment.  The other words of
     *  a row change with what its request does. */
    requestRow(name) {
        return this.page.locator(".request", { has: this.page.locator(
            ".request-what", { hasText: new RegExp(`/${name}(/|$)`) }) });
    }

    /** From now on, what the page gets as the status is changed.
     *  @param change gets the status, as an object */
    changeStatus(change) {
        return this.page.route("**/wheel-status?json", async (route) => {
            /* A kept connection may be closed just when it is used again. */
            const answer = await route.fetch({ maxRetries: 3 });
            const status = await answer.json();
            change(status);
            await route.fulfill({ json: status });
        });
    }

    async shows(n) {
        return (await this.wheels()).length === n;
    }

    /** What a person would look at if it isn't as it should be. */
    async state() {
        const words = await this.page.locator("#link-words, #away, #refusal, "
            + "#said, #wheels-count, #stop-buttons").filter({ visible: true })
            .allInnerTexts();
        const shown = words.join(" / ").replace(/\s+/g, " ");
        const status = await this.server.status().catch(String);
        return [`the page: ${shown}`, ...this.trouble,
            `the server: ${JSON.stringify(status)}`,
            this.server.log().slice(-2000)].join("\n");
    }
}

/* That of t/run, or one of the test's own; so, if that one has died. */
async function openBrowser() {
    const shared = process.env.WHEEL_BROWSER;
    const found = shared && await chromium.connect(shared).catch(() => null);
    return found || chromium.launch(BROWSER);
}

/** Run a server and a page, and end both.
 *  @param options directives: for the server; context: for the browser;
 *                 host: the server's name, of *.example, for the page;
 *                 quick: its pauses are noted and short
 *  @param body gets the page's driver, the server and the browser context */
async function runPage(options, body) {
    const server = new Server();
    let browser = null;
    try {
        await server.start(options.directives);
        browser = await openBrowser();
        const context = await browser.newContext(
            { viewport: DESKTOP, ...options.context });
        const live = new LivePage(await context.newPage(), server,
            options.host);
        if (options.quick) {
            await live.hurry();
        }
        showsInVain(() => live.state());
        await live.open();
        await body(live, server, context);
        is(live.trouble, [], "no console error, no violation of the "
            + "policy and no request to another host came up");
    }
    finally {
        if (browser) {
            /* A look may be on its way through a test's hands. */
            for (const page of browser.contexts().flatMap((context) =>
                context.pages())) {
                await page.unrouteAll({ behavior: "ignoreErrors" });
            }
            await browser.close();
        }
        await server.stop();
    }
}

/** A test of one such page. */
function pageTest(options, body) {
    return test(() => runPage(options, body));
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    process.on(signal, () => process.exit(1));
}

module.exports = { BROWSER, LivePage, openBrowser, pageTest, runPage };
