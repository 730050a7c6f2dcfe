// SPDX-License-Identifier: Apache-2.0
/* Elements of the page: find, make, and set their text.  What comes from the
 * server goes through these, and so is never anything but text. */

export const el = (id) => document.getElementById(id);

export function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) {
        node.className = className;
    }
    if (text !== undefined) {
        node.textContent = text;
    }
    return node;
}

/** Set a text only when it changes, so that nothing is laid out or read aloud
 *  twice. */
export function say(node, text) {
    if (node.textContent !== text) {
        node.textContent = text;
    }
}
