"""Markdown as HTML for a page of ours. HTML in it stays text and pictures become links: strangers write too."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

DEEPEST = 6  # of HTML's headings


def html(text: str, below: int = 2) -> Markup:
    """Rendered Markdown (CommonMark with tables), to stand under a heading of depth `below`.

    Its own headings are moved below that one. Links to other files would lead nowhere, so only their words stay.
    """
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        token.attrs.pop("style", None)  # the alignment of a column: the site's policy forbids style attributes
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + below, DEEPEST)}"
        if token.children:
            token.children = _without_dead_links(token.children)
    rendered = parser.renderer.render(tokens, parser.options, {})
    return Markup(rendered.replace("<pre>", '<pre tabindex="0">'))  # wide ones scroll, with the keyboard too


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _without_dead_links(tokens: list[Token]) -> list[Token]:
    """Inline tokens without links that are not addresses on the web. Links do not nest."""
    kept, dead = [], False
    for token in tokens:
        if token.type == "link_open":
            dead = not str(token.attrs.get("href", "")).startswith(("https://", "http://"))
            token.attrs |= {"rel": "noopener noreferrer"}
        if not (dead and token.type in ("link_open", "link_close")):
            kept.append(token)
    return kept
