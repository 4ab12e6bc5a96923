"""The Gradio page. It shows and asks; everything is checked and done by the service."""

from __future__ import annotations

import functools
import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import uvicorn
from fastapi import FastAPI
from PIL import Image

from bench.demo.api import routes
from bench.demo.limits import Refused
from bench.demo.service import Answer, Choice, Request, Service
from bench.export.facts import WARNING

TITLE = "restorebench demo"
BRUSH = "#ff00ff"
FIND = "The method finds the damage itself; nothing to brush."
TELL = "Brush over what is lost; it will be painted anew."
FONT = ["system-ui", "sans-serif"]  # of the machine: the page asks nobody else for anything


def build(service: Service) -> gr.Blocks:
    """The page. None of its events is part of the interface for programs: that is bench.demo.api."""
    named = {_label(each): each for each in service.choices}
    first = next(iter(named))
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(f"# {TITLE}\n**{WARNING}**")
        with gr.Row():
            with gr.Column():
                upload = gr.File(label="Picture", elem_id="upload", type="filepath", height=120)
                with gr.Accordion("Camera", open=False):
                    camera = gr.Image(label="Camera", sources=["webcam"], type="numpy", elem_id="camera", buttons=[])
                canvas = gr.ImageEditor(
                    label="What was lost", elem_id="canvas", type="numpy", sources=(), transforms=(), layers=False,
                    brush=gr.Brush(default_size=20, colors=[BRUSH], color_mode="fixed"), format="png",
                )  # fmt: skip
                chosen = gr.Dropdown(list(named), value=first, label="Task, method, checkpoint", elem_id="run")
                advice = gr.Markdown(TELL if named[first].told else FIND, elem_id="advice")
                fit = gr.Checkbox(label="Bring the picture to the size of the training", elem_id="fit")
                truth = gr.File(label="The true picture, if there is one", elem_id="truth", type="filepath", height=90)
                start = gr.Button("Restore", variant="primary", elem_id="start")
            with gr.Column():
                said, slider, mask, scores = _results()
        hidden: dict[str, Any] = {"api_visibility": "private"}
        upload.change(_guarded(lambda path: _shown(service, path)), upload, [said, canvas], **hidden)
        camera.change(lambda pixels: pixels, camera, canvas, **hidden)
        chosen.change(lambda label: TELL if named[label].told else FIND, chosen, advice, **hidden)

        def restore(label: str, drawn: dict[str, Any] | None, wanted: bool, true: str | None) -> tuple[Any, ...]:
            request = _request(service, named[label], drawn, wanted, true)
            return _answered(service.restore(request))

        start.click(
            _guarded(restore, blanks=3), [chosen, canvas, fit, truth], [said, slider, mask, scores],
            concurrency_limit=None, **hidden,
        )  # fmt: skip
    page.queue(max_size=service.limits.waiting)
    return page


def _results() -> tuple[gr.Markdown, gr.ImageSlider, gr.Image, gr.Dataframe]:
    """What is shown of an answer."""
    said = gr.Markdown(elem_id="said")
    slider = gr.ImageSlider(label="Before, after", type="numpy", format="png", elem_id="slider")
    mask = gr.Image(
        label="What was taken for lost",
        format="png",
        elem_id="mask",
        interactive=False,
        buttons=["download"],
    )
    scores = gr.Dataframe(headers=["against the truth", "before", "after"], elem_id="scores", interactive=False)
    return said, slider, mask, scores


def serve(service: Service, host: str, port: int) -> None:
    """Answer until interrupted. Raises OSError when the address cannot be had."""
    uvicorn.run(application(service), host=host, port=port, log_level="warning")


def application(service: Service) -> FastAPI:
    """Page and JSON interface in one."""
    Image.MAX_IMAGE_PIXELS = (
        service.limits.pixels // 2
    )  # Gradio decodes what the browser drew; Pillow refuses twice this
    theme = gr.themes.Base(font=FONT, font_mono=["monospace"])
    return gr.mount_gradio_app(
        routes(service), build(service), path="/", theme=theme, footer_links=[], ssr_mode=False, show_error=False,
        max_file_size=service.limits.bytes, enable_monitoring=False, run_history=False,
    )  # fmt: skip


def _label(choice: Choice) -> str:
    return f"{choice.task} / {choice.method} / seed {choice.seed} ({choice.key.rpartition('/')[2]})"


def _guarded(work: Callable[..., tuple[Any, ...]], blanks: int = 1) -> Callable[..., tuple[Any, ...]]:
    """What cannot be answered becomes the line that is shown, and nothing else."""

    def call(*given: Any) -> tuple[Any, ...]:
        try:
            return work(*given)
        except Refused as error:
            return (f"**{html.escape(str(error))}**", *[None] * blanks)

    return functools.wraps(work)(call)


def _shown(service: Service, path: str | None) -> tuple[Any, ...]:
    """An upload, on the canvas."""
    if path is None:
        return "", None
    return "", service.read(Path(path).read_bytes())


def _request(service: Service, choice: Choice, drawn: dict[str, Any] | None, fit: bool, truth: str | None) -> Request:
    """What is on the canvas: the picture, and the brush strokes as its mask."""
    if not drawn or drawn.get("background") is None:
        raise Refused("give a picture first")
    picture = np.asarray(drawn["background"])[..., :3]
    strokes = [np.asarray(layer)[..., 3] > 0 for layer in drawn.get("layers") or []]
    mask = np.any(strokes, axis=0) if strokes else np.zeros(picture.shape[:2], bool)
    true = None if truth is None else Path(truth).read_bytes()
    return Request(choice.key, _png(picture), _png(mask * np.uint8(255)) if choice.told else None, true, fit)


def _answered(answer: Answer) -> tuple[Any, ...]:
    notes = "\n\n".join(html.escape(each) for each in answer.notes)
    mask = None if answer.mask is None else np.repeat((answer.mask * np.uint8(255))[..., None], 3, axis=2)
    rows = [[name, f"{before:.4g}", f"{after:.4g}"] for name, (before, after) in answer.scores.items()]
    return f"Done.\n\n{notes}", (answer.before, answer.after), mask, rows or None


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()
