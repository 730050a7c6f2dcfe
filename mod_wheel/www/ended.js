// SPDX-License-Identifier: Apache-2.0
/* The list of wheels that have ended, and their lucky numbers. */

import * as words from "./words.js";
import { el, make, say } from "./elements.js";
import { handlerWords, isForeign, isLucky, wasTold } from "./job.js";
import { addStop } from "./plot.js";

const ENDED_MAX = 64;
const ENDED_FEW = 8;

/* By id. */
export const ended = new Map();

function endedItem(one) {
    const item = make("li", "one-ended");
    const told = wasTold(one);
    const badge = make("span", isLucky(one) ? `badge hue-${one.number}`
        : "badge", String(one.number));
    badge.classList.toggle("untold", !told);
    badge.classList.toggle("foreign", isForeign(one));
    badge.prepend(make("span", "hidden-words",
        isLucky(one) ? "Lucky number " : "Last number "));
    const who = make("p", "ended-who");
    who.append(make("span", one.name ? "ended-name" : "nameless",
        one.name || "no name"), " ", make("span", "card-id", one.id));
    if (one.mine) {
        who.append(" ", make("span", "mine", "this page’s"));
    }
    if (isForeign(one)) {
        who.append(" ", make("span", "ended-handler", handlerWords(one)));
    }
    const how = [`${words.end(one.stopped_by)} after `
        + words.duration(one.elapsed), `${words.long(one.turns)} turns`];
    if (one.load) {
        how.push(words.load(one.load));
    }
    if (told && typeof one.answered_ms === "number") {
        how.push(`answered ${words.milliseconds(one.answered_ms)} `
            + "after its mark");
    }
    const text = make("div", "ended-text");
    text.append(who, make("p", "aside", how.join(", ")));
    item.dataset.id = one.id;
    item.append(badge, text, make("time", "ended-at", words.clock(one.at)));
    return item;
}

let endedShown = "";
let endedAll = false;

export function showEnded() {
    const newest = [...ended.values()]
        .sort((a, b) => b.at - a.at || b.id - a.id);
    for (const one of newest.splice(ENDED_MAX)) {
        ended.delete(one.id);
    }
    const n = endedAll ? ENDED_MAX : ENDED_FEW;
    const key = [n, ...newest.map((one) =>
        `${one.id} ${one.at} ${one.mine}`)].join();
    if (key !== endedShown) {
        endedShown = key;
        el("ended-list").replaceChildren(
            ...newest.slice(0, n).map(endedItem));
        el("ended-none").hidden = newest.length > 0;
        el("ended-all").hidden = newest.length <= ENDED_FEW;
        el("ended-all").setAttribute("aria-expanded", String(endedAll));
        say(el("ended-all"), endedAll ? `Show the last ${ENDED_FEW}`
            : `Show the last ${newest.length}`);
    }
}

export function announceEnded(fresh) {
    const numbers = fresh.filter((one) => !isForeign(one))
        .map((one) => one.number);
    if (fresh.length === 1) {
        const [one] = fresh;
        say(el("announce"),
            `Wheel ${one.name || ""} ${words.end(one.stopped_by)}: `
            + `${isForeign(one) ? "last" : "lucky"} number ${one.number}.`);
    }
    else if (fresh.length > 1) {
        say(el("announce"), `${words.count(fresh.length, "wheel")} ended`
            + `${numbers.length > 0 ? ": lucky numbers " : ""}`
            + `${numbers.slice(0, 12).join(", ")}`
            + `${numbers.length > 12 ? " and more" : ""}.`);
    }
}

let recentSeen = false;

export function takeRecent(recent) {
    const fresh = [];
    for (const one of recent) {
        const known = ended.get(one.id);
        if (!known) {
            fresh.push(one);
        }
        if (!known || !known.fromServer) {
            const at = one.started + one.elapsed;
            ended.set(one.id, {
                ...one, at, fromServer: true, mine: Boolean(known),
            });
            if (one.stopped_by === "stop") {
                addStop(at);
            }
        }
    }
    if (recentSeen) {
        announceEnded(fresh);
    }
    recentSeen = true;
}

export function toggleEnded() {
    endedAll = !endedAll;
    showEnded();
}
