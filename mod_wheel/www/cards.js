// SPDX-License-Identifier: Apache-2.0
/* The wheels on the screen: a card for each, with its dial. */

import * as words from "./words.js";
import { Dial } from "./dial.js";
import { el, make, say } from "./elements.js";
import { ended } from "./ended.js";
import { handlerWords, isDraining, isForeign, numberWords, wasTold }
    from "./job.js";

const LINGER_MSEC = 6000;
/* Wheels publish their turns now and then only: over less time than this, a
 * speed would be made of chance. */
export const RATE_SEC_MIN = 0.4;

/* By id; one that has ended stays for a moment. */
export const cards = new Map();
let turnsOnScreen = 1e9;

/* Where the keyboard goes when what it was on leaves the page. */
function passFocusOn(node, next) {
    if (node.contains(document.activeElement)) {
        const place = next && next.querySelector("button");
        (place || el("wheels")).focus({ preventScroll: true });
    }
}

/* What a card asks of the page: stop(id), and changed() when it has gone. */
let asked = null;

export function beginCards(page) {
    asked = page;
}

class Card {
    constructor(job) {
        this.id = job.id;
        this.name = job.name;
        this.rate = job.turns_per_second;
        this.dial = new Dial();
        this.node = make("li", "card");
        this.node.dataset.id = job.id;
        this.title = make("p", "card-name", job.name || "no name");
        this.title.classList.toggle("nameless", !job.name);
        this.title.title = job.name || "";
        this.handler = make("p", "card-handler", handlerWords(job));
        this.handler.hidden = !isForeign(job);
        this.node.classList.toggle("foreign", isForeign(job));
        this.speed = make("p", "card-speed");
        this.load = make("p", "card-load",
            job.load ? words.load(job.load) : "");
        this.load.hidden = !job.load;
        this.stuck = make("p", "card-stuck");
        this.age = make("p", "card-age");
        this.button = make("button", "halt", "Stop");
        this.button.type = "button";
        this.button.setAttribute("aria-label",
            `Stop wheel ${job.name || ""} ${job.id}`.replace("  ", " "));
        this.button.addEventListener("click", () => asked.stop(this.id));
        this.node.append(this.dial.node, this.title,
            make("p", "card-id", job.id), this.handler, this.speed, this.load,
            this.stuck, this.age, this.button);
        this.show(job);
    }

    show(job) {
        const passed = this.seen ? job.elapsed - this.seen.elapsed : 0;
        if (passed > RATE_SEC_MIN) {
            const rate = Math.max(0, job.turns - this.seen.turns) / passed;
            this.rate += (rate - this.rate) * 0.6;
        }
        if (!this.seen || passed > RATE_SEC_MIN) {
            this.seen = { elapsed: job.elapsed, turns: job.turns };
        }
        this.job = job;
        this.node.dataset.state = job.state;
        this.showStuck(job.stuck);
        say(this.speed, `${words.short(this.rate)} turns/s`);
        say(this.age, job.deadline === null
            ? words.duration(job.elapsed)
            : `${words.duration(job.elapsed)} of `
                + words.duration(job.deadline));
    }

    showStuck(stuck) {
        this.node.classList.toggle("unlooking", stuck);
        this.stuck.hidden = !stuck;
        say(this.stuck,
            stuck ? `Stuck: ${words.unlooked(this.job.looked_ms)}` : "");
    }

    turn() {
        if (!this.over) {
            this.dial.spin(this.rate / turnsOnScreen, this.job.number);
        }
    }

    /* The wheel has ended; as may be null when nobody knows how. */
    end(as) {
        if (this.over) {
            return;
        }
        this.over = true;
        this.node.dataset.state = "ended";
        if (as) {
            this.dial.land(as.number);
            say(this.speed, wasTold(as) ? numberWords(as) : "Nobody to tell");
        }
        else {
            this.dial.pause();
            say(this.speed, "Ended");
        }
        this.speed.classList.add("lucky");
        this.load.hidden = true;
        this.showStuck(false);
        say(this.age, as ? `${words.end(as.stopped_by)} after `
            + words.duration(as.elapsed) : "");
        passFocusOn(this.button, this.nextRunning());
        this.button.remove();
        setTimeout(() => {
            this.node.remove();
            cards.delete(this.id);
            asked.changed();
        }, LINGER_MSEC);
    }

    nextRunning() {
        const all = [...el("wheel-list").children];
        const running = (node) => node.dataset.state !== "ended";
        const at = all.indexOf(this.node);
        return all.slice(at + 1).find(running)
            || all.slice(0, at).reverse().find(running) || null;
    }
}

function showScale() {
    const running = [...cards.values()].filter((card) => !card.over);
    const fastest = Math.max(0, ...running.map((card) => card.rate));
    if (fastest > 0) {
        while (fastest / turnsOnScreen > 1.25) {
            turnsOnScreen *= 10;
        }
        while (fastest / turnsOnScreen < 0.1 && turnsOnScreen > 1) {
            turnsOnScreen /= 10;
        }
    }
    say(el("scale"), running.length === 0 ? ""
        : `Slowed down: one turn on the screen stands for `
            + `${words.long(turnsOnScreen)} real ones.`);
    for (const card of running) {
        card.turn();
    }
}

export function showWheels(running) {
    const fresh = document.createDocumentFragment();
    const here = new Set();
    for (const job of running) {
        if (isDraining(job) || ended.has(job.id)) {
            continue;
        }
        here.add(job.id);
        const card = cards.get(job.id);
        if (card) {
            card.show(job);
        }
        else {
            const added = new Card(job);
            cards.set(job.id, added);
            fresh.append(added.node);
        }
    }
    el("wheel-list").append(fresh);
    for (const card of cards.values()) {
        if (!here.has(card.id)) {
            card.end(ended.get(card.id) || null);
        }
    }
    showScale();
}

export function rotatingCards() {
    return [...cards.values()].filter((card) => !card.over);
}
