// SPDX-License-Identifier: Apache-2.0
/* A server of the test's own: conf/httpd.conf as it is, on a free port of the
 * loopback, with some directives more. */
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");

const { until } = require("./tap.js");

const TOP = path.resolve(__dirname, "../../..");
const MODULE = path.resolve(TOP,
    process.env.WHEEL_MODULE || "mod_wheel/.libs/mod_wheel.so");

const USER_MODULES = path.resolve(TOP,
    process.env.WHEEL_USER_MODULES || "t/modules/.libs");
const PORT_MIN = 10000;

const HTTPD = ["apache2", "httpd"]
    .flatMap((name) => `${process.env.PATH}:/usr/sbin`.split(":")
        .map((folder) => path.join(folder, name)))
    .find((file) => fs.existsSync(file));

/* None of those that the kernel gives to clients: these would take it while a
 * server is away for a moment. */
function freePort() {
    const range = fs.readFileSync("/proc/sys/net/ipv4/ip_local_port_range",
        "utf8");
    const above = parseInt(range, 10) - PORT_MIN;
    return new Promise((found, broke) => {
        const probe = net.createServer();
        const pick = () => (above > 0
            ? PORT_MIN + Math.floor(Math.random() * above) : 0);
        let tries = 100;
        probe.on("error", (error) => {
            tries--;
            if (tries > 0) {
                probe.listen(pick(), "127.0.0.1");
            }
            else {
                broke(error);
            }
        });
        probe.listen(pick(), "127.0.0.1");
        probe.on("listening", () => {
            const { port } = probe.address();
            probe.close(() => found(port));
        });
    });
}

/* The checkout may be closed to the user that the children run as. */
function copyReadable(from, to) {
    fs.mkdirSync(to);
    fs.chmodSync(to, 0o755);
    for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
        const [source, copy] = [from, to].map((folder) =>
            path.join(folder, entry.name));
        if (entry.isDirectory()) {
            copyReadable(source, copy);
        }
        else {
            fs.copyFileSync(source, copy);
            fs.chmodSync(copy, 0o644);
        }
    }
}

class Server {
    constructor() {
        this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "wheel-page-"));
        fs.chmodSync(this.folder, 0o711);
        copyReadable(path.join(TOP, "mod_wheel/www"),
            path.join(this.folder, "www"));
        process.on("exit", () => {
            if (this.child) {
                this.child.kill("SIGTERM");
            }
            fs.rmSync(this.folder, { recursive: true, force: true });
        });
        this.agent = new http.Agent({ keepAlive: false });
    }

    get url() {
        return `http://127.0.0.1:${this.port}/`;
    }

    /** @param directives lines to add after those of conf/httpd.conf */
    async start(directives = []) {
        this.port = this.port || await freePort();
        const defines = {
            WHEEL_PORT: this.port, WHEEL_RUN: this.folder, WHEEL_SO: MODULE,
            WHEEL_WWW: path.join(this.folder, "www"),
            WHEEL_MPM: process.env.WHEEL_MPM || "event",
        };
        const args = ["-d", TOP, "-D", "FOREGROUND"];
        for (const [name, value] of Object.entries(defines)) {
            args.push("-C", `Define ${name} ${value}`);
        }
        args.push("-f", "conf/httpd.conf");
        for (const line of directives) {
            args.push("-c", line);
        }
        /* Should this process be killed, its server ends too.  A group of
         * its own, since prefork ends all of its group when it ends; no session
         * of its own, for the reason that build.sh has. */
        const child = spawn("perl",
            ["-e", "setpgrp(0, 0) or die; exec @ARGV or die",
                "setpriv", "--pdeathsig", "TERM", HTTPD, ...args],
            { stdio: ["ignore", "ignore", "pipe"] });
        this.child = child;
        let words = "";
        child.stderr.on("data", (text) => {
            words += text;
        });
        child.on("exit", () => {
            this.child = this.child === child ? null : this.child;
        });
        const up = await until(async () => {
            if (!this.child) {
                return "dead";
            }
            return (await this.status()).version === 1;
        });
        if (up !== true) {
            throw new Error(`the server didn't start: ${words}${this.log()}`);
        }
    }

    async stop() {
        const { child } = this;
        if (child) {
            const gone = new Promise((done) => child.on("exit", done));
            child.kill("SIGTERM");
            await gone;
        }
    }

    log() {
        try {
            return fs.readFileSync(path.join(this.folder, "error.log"), "utf8");
        }
        catch (error) {
            return "";
        }
    }

    /** A request of a client that is not the page.
     *  @return a promise of its status and body */
    ask(method, target) {
        return new Promise((answered, broke) => {
            const request = http.request(new URL(target, this.url),
                { method, agent: this.agent }, (answer) => {
                    let body = "";
                    answer.on("error", broke);
                    answer.on("data", (text) => {
                        body += text;
                    });
                    answer.on("end", () => answered({
                        status: answer.statusCode, headers: answer.headers,
                        body,
                    }));
                });
            request.on("error", broke);
            request.end();
        });
    }

    async status() {
        return JSON.parse((await this.ask("GET", "wheel-status?json")).body);
    }

    /** Start wheels that the page doesn't hold, and wait until they rotate.
     *  @param query behind ?json, such as &load=20
     *  @return promises of their answers */
    async rotate(name, n = 1, query = "") {
        const { started } = (await this.status()).totals;
        const answers = [];
        for (let i = 0; i < n; i++) {
            const answer = this.ask("POST", `rotate/${name}?json${query}`)
                .then(({ body }) => JSON.parse(body));
            answer.catch(() => {});
            answers.push(answer);
        }
        await until(async () =>
            (await this.status()).totals.started >= started + n);
        return answers;
    }
}

/** The directives that load a module of t/modules, and give it a place. */
function userModule(name, location, handler) {
    return [
        `LoadModule ${name}_module ${path.join(USER_MODULES, `mod_${name}.so`)}`,
        `<Location ${location}>`, `SetHandler ${handler}`, "</Location>",
    ];
}

module.exports = { Server, userModule };
