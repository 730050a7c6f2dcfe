// SPDX-License-Identifier: Apache-2.0
/* One Chromium for all tests of a run, each of which has a context of its own:
 * it takes longer to start than many a test.  Says where it is, and ends by
 * TERM. */
"use strict";

const { chromium } = require("playwright-core");

const { BROWSER } = require("./page.js");

chromium.launchServer(BROWSER)
    .then((server) => console.log(server.wsEndpoint()));
