"""demo: a web page and a JSON interface for stored runs."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.common import Device, Plugins, new_app
from bench.errors import UserError

app = new_app()
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@app.command()
def demo(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="Folder of stored runs.")] = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to answer at; the default is this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to answer at.")] = 7860,
    megapixels: Annotated[float, typer.Option(min=0.01, max=100, help="Largest picture.")] = 4,
    megabytes: Annotated[float, typer.Option(min=0.01, max=100, help="Largest file.")] = 10,
    seconds: Annotated[float, typer.Option(min=1, help="Longest wait for an answer.")] = 60,
    waiting: Annotated[int, typer.Option(min=1, max=1000, help="Requests that may wait.")] = 64,
    device: Device = "auto", plugin: Plugins = [],
) -> None:  # fmt: skip
    """Try stored runs on your own pictures in a browser, or from a program.

    Example: restorebench demo runs --port 7860
    """
    if find_spec("gradio") is None:
        raise UserError("demo needs Gradio: pip install 'restorebench[demo]', best in an environment of its own")
    from bench.demo.limits import Limits
    from bench.demo.service import Service
    from bench.discovery import discover

    limits = Limits(int(megabytes * 1e6), int(megapixels * 1e6), waiting, seconds)
    service = Service(runs, discover(tuple(plugin)), device, limits)
    from bench.demo.page import serve

    if host not in LOOPBACK:
        print(f"{host}: whoever can reach this machine can use the demo; it has no login", file=sys.stderr)
    print(f"{len(service.choices)} runs can be tried at http://{host}:{port} (Ctrl-C ends it)")
    serve(service, host, port)
