// SPDX-License-Identifier: Apache-2.0
/* A wheel to look at: a disc of ten numbers under a pointer, which turns in
 * proportion to the speed of a real one. */

const SVG = "http://www.w3.org/2000/svg";
const SECTOR_DEG = 36;
const LAND_MSEC = 1400;

const still = matchMedia("(prefers-reduced-motion: reduce)");

function shape(name, attributes) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
        node.setAttribute(key, value);
    }
    return node;
}

function at(degrees, radius) {
    const a = (degrees - 90) * Math.PI / 180;
    return `${(radius * Math.cos(a)).toFixed(2)} `
        + (radius * Math.sin(a)).toFixed(2);
}

/* Number n has its middle at n sectors clockwise from the top. */
function drawDisc() {
    const disc = shape("svg", { viewBox: "-50 -50 100 100", class: "disc" });
    for (let n = 0; n < 10; n++) {
        const middle = n * SECTOR_DEG;
        const from = at(middle - SECTOR_DEG / 2, 48);
        const to = at(middle + SECTOR_DEG / 2, 48);
        disc.append(shape("path", {
            class: `sector hue-${n}`,
            d: `M0 0L${from}A48 48 0 0 1 ${to}Z`,
        }));
        const digit = shape("text", {
            class: "digit", y: -35, transform: `rotate(${middle})`,
            "text-anchor": "middle", "dominant-baseline": "central",
        });
        digit.textContent = n;
        disc.append(digit);
    }
    disc.append(shape("circle", { class: "rim", r: 48 }));
    disc.append(shape("circle", { class: "hub", r: 21 }));
    return disc;
}

let model = null;

export class Dial {
    constructor() {
        model = model || drawDisc();
        this.disc = model.cloneNode(true);
        this.number = document.createElement("span");
        this.number.className = "dial-number";
        const pointer = shape("svg", {
            viewBox: "0 0 12 10", class: "pointer",
        });
        pointer.append(shape("path", { d: "M6 10 0 0h12z" }));

        this.node = document.createElement("div");
        this.node.className = "dial";
        for (const picture of [this.disc, pointer]) {
            picture.setAttribute("aria-hidden", "true");
        }
        this.node.append(this.disc, pointer, this.number);
        /* One turn in a second at rate 1, and away from all others'. */
        const from = Math.floor(Math.random() * 360);
        this.turning = this.disc.animate(
            [{ transform: `rotate(${from}deg)` },
                { transform: `rotate(${from + 360}deg)` }],
            { duration: 1000, iterations: Infinity });
        this.from = from;
        this.turning.playbackRate = 0;
    }

    /** @param rate turns a second on the screen */
    spin(rate, number) {
        this.number.textContent = number;
        if (!this.turning) {
            return;
        }
        if (still.matches) {
            this.turning.playbackRate = 0;
            this.turning.currentTime =
                (720 - number * SECTOR_DEG - this.from) % 360 / 0.36;
            return;
        }
        this.turning.updatePlaybackRate(rate);
    }

    /** Nobody knows how it turns now. */
    pause() {
        if (this.turning) {
            this.turning.updatePlaybackRate(0);
        }
    }

    /** Come to rest with this number under the pointer. */
    land(number) {
        this.number.textContent = number;
        if (!this.turning) {
            return;
        }
        const turned = (this.turning.currentTime || 0) * 0.36;
        const now = (this.from + turned) % 360;
        const rest = -number * SECTOR_DEG;
        this.turning.cancel();
        this.turning = null;
        this.disc.style.transform = `rotate(${rest}deg)`;
        if (!still.matches) {
            const way = ((rest - now) % 360 + 360) % 360 + 360;
            this.disc.animate(
                [{ transform: `rotate(${rest - way}deg)` },
                    { transform: `rotate(${rest}deg)` }],
                { duration: LAND_MSEC,
                    easing: "cubic-bezier(0.12, 0.7, 0.2, 1)" });
        }
    }
}
