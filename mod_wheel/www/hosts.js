// SPDX-License-Identifier: Apache-2.0
/* The other hosts of a cluster. */

import * as server from "./server.js";
import * as words from "./words.js";
import { el, make, say } from "./elements.js";

/* Hosts say once a second how they are. */
const HOSTS_MSEC = 2000;

function hostItem(host) {
    const item = make("li", "host");
    const name = make("p", "host-name", host.host);
    if (host.own) {
        name.append(" ", make("span", "mine", "this one"));
    }
    item.dataset.state = host.state;
    item.append(name, make("p", "aside", host.state === "live"
        ? `${words.exact(host.jobs.rotating)} of at most `
            + `${words.count(host.limits.wheel_max, "wheel")}`
        : `missing for ${words.duration(host.age)}; had `
            + words.count(host.jobs.rotating, "wheel")));
    return item;
}

function showHosts({ hosts, problem }) {
    el("host-list").replaceChildren(...hosts.map(hostItem));
    el("hosts-problem").hidden = !problem;
    say(el("hosts-problem"), problem
        ? `The others can’t be seen, and no stop reaches them: ${problem}.`
        : "");
    el("hosts").hidden = false;
}

let hostsAt = 0;

/* Beside the other looks: Redis may take its time.  What fails is tried
 * again. */
export async function lookAtHosts() {
    if (performance.now() < hostsAt) {
        return;
    }
    hostsAt = Infinity;
    try {
        showHosts(await server.lookAtHosts());
    }
    catch (error) {
        if (!(error instanceof server.Refusal)) {
            console.error(error);
        }
    }
    hostsAt = performance.now() + HOSTS_MSEC;
}
