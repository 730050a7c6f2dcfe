# SPDX-License-Identifier: Apache-2.0
"""Requests that run away, as a WSGI program: for mod_wsgi, for uWSGI, and as a
backend of its own, a thread a request.

  runaway.py PORT

/loop computes for ever and writes nothing, /drip computes for ever and writes
a byte now and then, everything else answers after 0.8 seconds.
"""
import socketserver
import sys
import time
import wsgiref.simple_server

SLOW_SEC = 0.8
STEPS = 100_000


def compute():
    number = 1
    for _ in range(STEPS):
        number = number * 1103515245 % 2147483647
    return number


def drip():
    while True:
        compute()
        yield b"."


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.endswith("/loop"):
        while True:
            compute()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path.endswith("/drip"):
        return drip()
    time.sleep(SLOW_SEC)
    return [b"slow\n"]


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    wsgiref.simple_server.make_server(
        "127.0.0.1", int(sys.argv[1]), application, Server, Quiet
    ).serve_forever()
