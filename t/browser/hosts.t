#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* In a cluster the page shows all hosts and what a stop could not reach. */
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { pageTest } = require("./lib/page.js");
const { becomes, is, until } = require("./lib/tap.js");

/* Debian's redis-tools has the server by another name; it looks at the name
 * that it is called by. */
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "wheel-redis-"));
const socket = path.join(folder, "redis.sock");
const redis = spawn("redis-check-rdb", ["--port", "0", "--unixsocket", socket,
    "--unixsocketperm", "777", "--save", "", "--dir", folder],
{ argv0: "redis-server", stdio: "ignore" });
fs.chmodSync(folder, 0o755);
process.on("exit", () => {
    redis.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
});

const moduleFile = path.join(path.dirname(path.resolve(
    process.env.WHEEL_MODULE || "mod_wheel/.libs/mod_wheel.so")),
"mod_wheel_redis.so");

function command(...words) {
    return new Promise((done) => {
        spawn("redis-cli", ["-s", socket, ...words], { stdio: "ignore" })
            .on("exit", done);
    });
}

pageTest({
    directives: [`LoadModule wheel_redis_module ${moduleFile}`,
        `WheelCluster unix:${socket} host=here`],
}, async (live, server) => {
    const hosts = async () => (await live.page.locator(".host")
        .allInnerTexts()).map((text) => text.replace(/\s+/g, " "));

    await becomes(async () => (await hosts()).length === 1,
        "the page shows this host");
    await becomes(async () => /^here this one 0 of at most \d+ wheels$/
        .test((await hosts())[0]), "by its name, with its limit");
    await server.rotate("red", 2);
    await becomes(async () => (await hosts())[0].includes(" 2 of at most "),
        "it counts its wheels");

    await until(async () => await command("PING") === 0);
    await command("HSET", "wheel:hosts", "<b>there</b>/00", JSON.stringify({
        mpm: "event", generation: 0,
        limits: { wheel_max: 7, wheel_reserve: 1, wheel_max_per_client: 0 },
        jobs: { rotating: 3, stopping: 0, draining: 0 }, running: [],
    }));
    await becomes(async () => {
        await command("ZADD", "wheel:live", String(Date.now()),
            "<b>there</b>/00");
        return (await hosts())
            .includes("<b>there</b> 3 of at most 7 wheels");
    }, "and soon another host, whose name is text",
    async () => (await hosts()).join("; "));
    await command("ZADD", "wheel:live", String(Date.now() - 60000),
        "<b>there</b>/00");
    await becomes(async () => (await hosts())
        .some((text) => /there.* missing for 1 min|there.* missing for 6\d/
            .test(text)), "one that is gone is missing");

    live.expectFailures();
    redis.kill("SIGKILL");
    await becomes(() => live.page.locator("#hosts-problem").isVisible(),
        "without Redis, the page says that the others can't be seen");
    is((await hosts()).length, 1, "and shows its own host");
    await live.page.click("#stop-all");
    await becomes(async () => (await live.text("#refusal"))
        .includes("2 wheels of this host were stopped"),
    "a stop tells what it could do and what not");
    await becomes(() => live.shows(0), "its wheels have ended");
});
