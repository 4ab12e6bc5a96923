"""Portraits drawn by the project: varied, lit, with exact landmarks; no photograph and no licence involved."""

from bench.data.drawn.render import RENDERER, draw_face

__all__ = ["RENDERER", "draw_face"]
