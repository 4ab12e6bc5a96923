"""A video in segments, each a file that is whole or not there, and one file of them with the input's audio."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError
from bench.video.reading import FULL, Form, Frame, opened, reason, scaling

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

OUTPUTS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# No frame waits in the encoder for a later one: memory stays that of one frame, and segments join without a gap.
X264 = {"crf": "16", "preset": "medium", "tune": "zerolatency"}


def write_segment(path: Path, form: Form, frames: Iterable[Frame]) -> None:
    """Encode frames (H.264) into a file of their own, which begins with a key frame and keeps their times exactly."""
    import av

    with av.open(str(path), "w", format="nut") as container:
        stream = container.add_stream("libx264", rate=form.rate, options=X264)
        stream.width, stream.height = form.width, form.height
        stream.pix_fmt = "yuv420p" if form.width % 2 == form.height % 2 == 0 else "yuv444p"
        stream.time_base = form.time_base
        context = stream.codec_context
        context.time_base = form.time_base
        context.sample_aspect_ratio = form.aspect
        context.thread_count = 1  # the same bits on every machine
        context.colorspace, context.color_range = form.colour.matrix, form.colour.range
        context.color_primaries, context.color_trc = form.colour.primaries, form.colour.transfer
        for frame in frames:
            container.mux(stream.encode(_encodable(frame, form, stream.pix_fmt)))
        container.mux(stream.encode(None))


def join(segments: list[Path], source: Path, out: Path, form: Form) -> None:
    """Make `out`, whose suffix says the format, of the segments' frames and the audio of source.

    Neither is coded again. Raises UserError where that format does not take that audio.
    """
    import av

    kind = OUTPUTS[out.suffix.lower()]
    exact = form.time_base.numerator == 1 and kind != "matroska"  # which counts milliseconds
    options = {"video_track_timescale": str(form.time_base.denominator)} if exact else {}
    with (
        opened(source) as given,
        av.open(str(segments[0])) as first,
        av.open(str(out), "w", format=kind, container_options=options) as container,
    ):
        video = container.add_stream_from_template(first.streams.video[0])
        video.time_base = form.time_base
        try:
            sounds = {each.index: container.add_stream_from_template(each) for each in given.streams.audio}
            container.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            raise UserError(f"{kind} does not take the audio of {source} ({reason(error)}); name it .mkv") from None
        for _, packet in heapq.merge(_video(segments, video), _audio(given, sounds), key=lambda timed: timed[0]):
            container.mux(packet)


def _video(segments: list[Path], stream: av.VideoStream) -> Iterator[tuple[float, av.Packet]]:
    """Packets with their times in seconds."""
    import av

    for path in segments:
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                if packet.dts is not None:
                    when = float(packet.dts * packet.time_base)
                    packet.stream = stream
                    yield when, packet


def _audio(given: InputContainer, sounds: dict[int, av.AudioStream]) -> Iterator[tuple[float, av.Packet]]:
    for packet in given.demux(*given.streams.audio) if sounds else ():
        if packet.dts is not None:
            when = float(packet.dts * packet.time_base)
            packet.stream = sounds[packet.stream.index]
            yield when, packet


def _encodable(frame: Frame, form: Form, pix_fmt: str) -> av.VideoFrame:
    import av

    matrix, levels = form.colour.scaler
    picture = av.VideoFrame.from_ndarray(frame.pixels, format="rgb24").reformat(
        format=pix_fmt, src_color_range=FULL, dst_colorspace=matrix, dst_color_range=levels, interpolation=scaling()
    )
    picture.pts, picture.time_base = frame.pts, form.time_base
    return picture
