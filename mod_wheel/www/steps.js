// SPDX-License-Identifier: Apache-2.0
/* Steps with one request that may harm others: which of them there are for it,
 * their buttons, and the question that comes before each.  The only file that
 * knows the dialog's elements. */

import * as server from "./server.js";
import * as words from "./words.js";
import { el, make, say } from "./elements.js";

/* In the order of their harm. */
const STEPS = ["cut", "cooldown", "drain"];

let asked = null;

/* Steps that this server can take with a request.  Those that need a privilege
 * are offered where WheelPrivileged names them and they can be had. */
function offered(request, { privileged }) {
    const able = (step) => privileged.some((one) =>
        one.step === step && one.missing === null);
    return STEPS.filter((step) => step !== request.step
        && (step === "drain" || (request.thread !== null && able(step))));
}

function showQuestion() {
    const { step, row, others } = asked;
    const [title, detail, action] = words.stepQuestion(step, row.request,
        others());
    say(el("step-title"), title);
    say(el("step-detail"), detail);
    say(el("step-request"), row.what);
    say(el("step-do"), action);
}

function close() {
    asked = null;
    el("step").close();
}

async function act() {
    const { step, row } = asked;
    close();
    try {
        await server.step(row.id, step);
        row.tell(words.stepTaken(step), step !== "cooldown");
    }
    catch (refusal) {
        if (!(refusal instanceof server.Refusal)) {
            throw refusal;
        }
        row.fail(refusal, words.stepRefused(step));
    }
}

/** The buttons of one row. */
export class StepButtons {
    /** @param row has id, what, request, tell() and fail()
     *  @param others how many other requests are listed of its process */
    constructor(row, others) {
        this.node = make("div", "request-steps");
        this.buttons = new Map(STEPS.map((step) => {
            const button = make("button", "quiet", words.stepName(step));
            button.type = "button";
            button.hidden = true;
            button.setAttribute("aria-haspopup", "dialog");
            button.setAttribute("aria-label",
                `${words.stepName(step)} ${row.what}, ${row.id}`);
            button.addEventListener("click", () => {
                asked = { step, row, others };
                showQuestion();
                el("step").showModal();
            });
            this.node.append(button);
            return [step, button];
        }));
        this.row = row;
    }

    show(request, status) {
        const able = offered(request, status);
        for (const [step, button] of this.buttons) {
            const gone = !able.includes(step);
            if (gone && button === document.activeElement) {
                this.row.button.focus({ preventScroll: true });
            }
            button.hidden = gone;
        }
        if (asked && asked.row === this.row) {
            showQuestion();
        }
    }

    /** Its request has ended: there is nothing to be asked about. */
    close() {
        if (asked && asked.row === this.row) {
            close();
        }
    }
}

/** Begin: once. */
export function beginSteps() {
    el("step-cancel").addEventListener("click", close);
    el("step-do").addEventListener("click", act);
    el("step").addEventListener("close", () => {
        asked = null;
    });
}
