"""The JSON interface: GET /api/runs, POST /api/restore. Any failure is {"error": one line} with a fitting status."""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
import io
import json
from typing import Any

import numpy as np
from fastapi import FastAPI
from fastapi import Request as Sent
from fastapi.responses import JSONResponse
from PIL import Image

from bench.demo.limits import Busy, Refused
from bench.demo.service import Answer, Request, Service
from bench.export.facts import WARNING

FILES = ("picture", "mask", "truth")
KEYS = frozenset({"run", "fit", *FILES})
MORE = 16_384  # bytes beside the files' own, in base64


def routes(service: Service) -> FastAPI:
    """The interface as a web application, without pages of its own."""
    app = FastAPI(title="restorebench demo", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/api/runs")
    def runs() -> dict[str, Any]:
        chosen = [dataclasses.asdict(each) for each in service.choices]
        return {"runs": chosen, "limits": dataclasses.asdict(service.limits), "warning": WARNING}

    @app.post("/api/restore")
    async def restore(sent: Sent) -> JSONResponse:
        try:
            request = parse(await _body(sent, service), service)
            return JSONResponse(as_json(await _answer(service, request)))
        except Busy as error:
            return JSONResponse({"error": str(error)}, 503, {"Retry-After": "60"})
        except Refused as error:
            return JSONResponse({"error": str(error)}, 400)

    return app


async def _answer(service: Service, request: Request) -> Answer:
    """As Service.restore, without a thread to each request that waits."""
    try:
        return await asyncio.wait_for(asyncio.wrap_future(service.submit(request)), service.limits.seconds)
    except TimeoutError:
        raise service.overdue() from None


async def _body(sent: Sent, service: Service) -> bytes:
    """What was sent, as far as it may be long. Raises Refused."""
    most = len(FILES) * (service.limits.bytes * 4 // 3 + 4) + MORE
    data = bytearray()
    async for part in sent.stream():
        data += part
        if len(data) > most:
            raise Refused(f"the request is too long; at most {most} bytes are taken")
    return bytes(data)


def parse(body: bytes, service: Service) -> Request:
    """A request from {"run": ..., "picture": base64, "mask": ..., "truth": ..., "fit": false}. Raises Refused."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the request is not JSON") from None
    if not isinstance(said, dict) or not said.keys() <= KEYS:
        raise Refused(f"the request must be an object with no other keys than {', '.join(sorted(KEYS))}")
    if not isinstance(said.get("run"), str) or not isinstance(said.get("fit", False), bool):
        raise Refused("run must be a text, one of GET /api/runs; fit must be true or false")
    files = {name: _decoded(name, said.get(name)) for name in FILES}
    picture = files["picture"]
    if picture is None:
        raise Refused("picture is missing: a file's bytes in base64")
    return Request(said["run"], picture, files["mask"], files["truth"], said.get("fit", False))


def _decoded(name: str, text: object) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text if isinstance(text, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"{name} must be a file's bytes in base64") from None


def as_json(answer: Answer) -> dict[str, Any]:
    """An answer with its pictures as PNG in base64."""
    return {
        "picture": _png(answer.after),
        "mask": None if answer.mask is None else _png(answer.mask * np.uint8(255)),
        "scores": {name: {"before": pair[0], "after": pair[1]} for name, pair in answer.scores.items()},
        "notes": list(answer.notes),
        "warning": WARNING,
    }


def _png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
