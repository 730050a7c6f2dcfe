#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* Where the server wants a login, each wheel is asked for with it: none is
 * refused, and the page says how many its browser can hold.  Over plain http
 * to another machine, where tabs can't share their connections, it starts none
 * with a login, and says why.  Where it is refused wheels, it says that. */
// Starts first: it has several servers, one after the other.
"use strict";

const { runPage } = require("./lib/page.js");
const { becomes, is, test } = require("./lib/tap.js");

const load = (name) =>
    `LoadModule ${name}_module "\${WHEEL_MODULES}/mod_${name}.so"`;

/* Anybody may log in. */
const login = [
    load("authn_core"), load("authn_anon"), load("auth_basic"),
    load("authz_user"),
    "<Location /rotate>", "AuthType Basic", "AuthName wheels",
    "AuthBasicProvider anon", "Anonymous *", "Require valid-user",
    "</Location>",
];
const context = { httpCredentials: { username: "a", password: "b@c.example" } };

const host = "wheels.example";
const named = [`ServerName ${host}`, "<Location />", "AuthMerging Off",
    "Require local", "</Location>"];

/* What says no, and how the page says so when it is asked for ten wheels. */
const CASES = [
    ["a login, over plain http", [...named, ...login], 0,
        /^This page can start no wheel here\..* 10 of 10 .* wants a login, /s],
    ["an access rule, over plain http", [...named, "<Location /rotate>",
        "Require all denied", "</Location>"], 0, /^The server refuses\./],
    ["no place, over plain http", named, 6, /hold no more.* 4 of 10.* with 6 /s],
];

test(async () => {
    await runPage({ directives: login, context }, async (live, server) => {
        const { page } = live;
        const refusal = () => live.text("#refusal");
        live.expectFailures(); // the console has that a login was asked for
        await page.click("#start-ten");
        await becomes(() => live.shows(4), "four wheels of ten rotate");
        await becomes(async () =>
            /hold no more wheels.* 6 of 10 were not started.* with 4 it/s
                .test(await refusal()), "the others have no place", refusal);
        await page.click("#stop-all");
        await becomes(async () => (await live.text("#said"))
            .startsWith("Stopped 4 wheels"), "they are stopped",
        () => live.text("#said"));
        await becomes(() => live.shows(0), "and end");
        await page.click("#start-one");
        await becomes(() => live.shows(1), "one more has a place");
        is((await server.status()).totals.started, 5, "no other was started");
    });
    for (const [what, directives, rotating, words] of CASES) {
        await runPage({ directives, context, host }, async (live, server) => {
            const refusal = () => live.text("#refusal");
            live.expectFailures();
            await live.page.click("#start-ten");
            await becomes(async () => words.test(await refusal()),
                `${what}: the page says so`, refusal);
            await becomes(async () => await live.shows(rotating)
                && (await server.status()).totals.started === rotating,
            `${what}: ${rotating} wheels rotate`);
        });
    }
});
