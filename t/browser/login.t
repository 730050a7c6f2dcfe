#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* Where the server wants a login, each wheel is asked for with it: none is
 * refused, and the page says how many its browser can hold. */
"use strict";

const { pageTest } = require("./lib/page.js");
const { becomes, is } = require("./lib/tap.js");

const load = (name) =>
    `LoadModule ${name}_module "\${WHEEL_MODULES}/mod_${name}.so"`;

/* Anybody may log in. */
const directives = [
    load("authn_core"), load("authn_anon"), load("auth_basic"),
    load("authz_user"),
    "<Location /rotate>", "AuthType Basic", "AuthName wheels",
    "AuthBasicProvider anon", "Anonymous *", "Require valid-user",
    "</Location>",
];
const context = { httpCredentials: { username: "a", password: "b@c.example" } };

pageTest({ directives, context }, async (live, server) => {
    const { page } = live;
    live.expectFailures(); // the console has that a login was asked for
    await page.click("#start-ten");
    await becomes(() => live.shows(4), "four wheels of ten rotate");
    await becomes(async () =>
        /hold no more wheels.* 6 of 10 were not started.* with 4 it/
            .test(await live.text("#refusal")), "the others have no place",
    () => live.text("#refusal"));
    await page.click("#stop-all");
    await becomes(async () => (await live.text("#said"))
        .startsWith("Stopped 4 wheels"), "they are stopped",
    () => live.text("#said"));
    await becomes(() => live.shows(0), "and end");
    await page.click("#start-one");
    await becomes(() => live.shows(1), "one more has a place");
    is((await server.status()).totals.started, 5, "no other was started");
});
