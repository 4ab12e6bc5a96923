"""Templates and what is written into pages from files: one way for all of them."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.text import csp_hash

TEMPLATES = Path(__file__).parent / "templates"


def open_templates() -> Environment:
    """Templates that escape what they print, and fail on names they do not know."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    return templates


def inline(*names: str) -> Markup:
    """Scripts or styles of ours, one after another, as they stand in a page."""
    return Markup("".join((TEMPLATES / name).read_text() for name in names))


def policy(style: Markup, scripts: list[Markup]) -> str:
    """Nothing but the inline style and scripts with these hashes, and pictures beside the page.

    `'self'` is the site when it is served; from a file, pictures need `file:` in some browsers.
    """
    allowed = " ".join(csp_hash(script) for script in scripts)
    return (
        f"default-src 'none'; img-src 'self' file: data:; style-src {csp_hash(style)}; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )
