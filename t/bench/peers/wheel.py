# SPDX-License-Identifier: Apache-2.0
"""Wheels as a FastAPI program, for gunicorn with workers of uvicorn.

What one would write first: plain functions, which FastAPI runs in its pool of
threads (40 of them), and one variable that a stop changes.  Every process of
gunicorn has a variable of its own.

WHEEL_HTDOCS is the directory of ordinary files, WHEEL_STARTED a file that
grows by a byte with the first turn of each wheel.
"""
import os
import random
import time

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles

STOPPED = ('"Wheel running job stopped. '
           'See the rotate request output now to see the lucky number."')

app = FastAPI()
started = os.open(os.environ["WHEEL_STARTED"], os.O_WRONLY | os.O_APPEND)
stops = 0


def answer(body, **headers):
    names = {name.replace("_", "-"): str(value)
             for name, value in headers.items()}
    return Response(body, media_type="application/json", headers=names)


@app.get("/rotate")
def rotate():
    mine = stops
    begun = time.monotonic()
    number = random.randrange(10)
    os.write(started, b".")
    turns = 1
    while stops == mine:
        number = random.randrange(10)
        turns += 1
    return answer(f'"Your lucky number is {number}!"', Wheel_Turns=turns,
                  Wheel_Elapsed=f"{time.monotonic() - begun:.6f}")


@app.get("/stop")
def stop():
    global stops
    stops += 1
    return answer(STOPPED)


app.mount("/", StaticFiles(directory=os.environ["WHEEL_HTDOCS"]))
