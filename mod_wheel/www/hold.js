/* Holds one wheel: a request that is answered when its wheel has stopped.
 * It runs in a worker of its own, because a wheel lives as long as its
 * connection, and a browser gives fetch() six connections to a server at
 * most.  Chromium does not count synchronous requests, which only a worker
 * may make.  Ending the worker closes the connection and so ends the wheel. */
"use strict";

onmessage = (event) => {
    const request = new XMLHttpRequest();

    request.open("POST", event.data, false);
    try {
        request.send();
        postMessage({
            status: request.status,
            type: request.getResponseHeader("Content-Type") || "",
            retryAfter: request.getResponseHeader("Retry-After"),
            body: request.responseText,
        });
    }
    catch (error) {
        postMessage({ status: 0 });
    }
};
