"""Matplotlib figures as inline SVG that follows the page: no style attributes (the security policy forbids them), and
ink, rule and accent colours taken from the style sheet, so that one drawing serves the light and the dark theme."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

# stand-ins: the page has the colours
INK, RULE, ACCENT, MUTED, PAGE, WASH = "#010203", "#010204", "#010205", "#010206", "#010207", "#010208"
CLASSES = {INK: "ink", RULE: "rule", ACCENT: "accent", MUTED: "muted", PAGE: "page", WASH: "wash"}
SERIES = ("#010211", "#010212", "#010213", "#010214", "#010215", "#010216")
CLASSES |= {colour: f"series{index}" for index, colour in enumerate(SERIES)}
STYLE: Any = {  # matplotlib types its keys as one long literal
    "svg.fonttype": "none",
    "svg.hashsalt": "restorebench",
    "font.size": 10,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "text.color": INK,
    "text.parse_math": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.formatter.useoffset": False,
}
_SVG = "http://www.w3.org/2000/svg"
_GROUP, _DEFS, _TEXT, _METADATA, _SHEET = (f"{{{_SVG}}}{tag}" for tag in ("g", "defs", "text", "metadata", "style"))
_LINK = "http://www.w3.org/1999/xlink"


def figure(width: float, height: float) -> Figure:
    """An empty figure in inches; draw on it inside `matplotlib.rc_context(STYLE)`."""
    return Figure(figsize=(width, height), layout="constrained")


def tick(value: float, _position: int) -> str:
    """An axis label: 5 k, 2.5 M."""
    for limit, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


def inline(drawing: Figure, label: str, prefix: str) -> Markup:
    """The figure as an <svg> element. label: what it shows, for those who cannot see it. prefix: unique on the page."""
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    root = ElementTree.fromstring(buffer.getvalue())
    for element in root.iter():
        _restyle(element)
        _shorten(element)
    _lighten(root)
    for element in root.iter():
        _rename(element, prefix)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", label)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _lighten(root: ElementTree.Element) -> None:
    """Leave out what draws nothing: ids that nothing refers to, blanks between elements, empty groups, metadata, and
    the <defs><style> block that matplotlib writes; its one rule is set in the page's sheet."""
    said = " ".join(value for element in root.iter() for value in element.attrib.values() if "#" in value)
    used = set(re.findall(r"#([^)\s]+)", said))
    for parent in reversed(list(root.iter())):  # children before their parents, which they may leave empty
        if parent.attrib.get("id") not in used:
            parent.attrib.pop("id", None)
        if parent.tag != _TEXT:
            parent.text = None
        for child in list(parent):
            child.tail = None
            empty = child.tag in (_GROUP, _DEFS) and not len(child) and "id" not in child.attrib
            if empty or child.tag in (_METADATA, _SHEET):
                parent.remove(child)


def _restyle(element: ElementTree.Element) -> None:
    """Style declarations become attributes; stand-in colours become classes."""
    declared = dict(part.split(":", 1) for part in element.attrib.pop("style", "").split(";") if ":" in part)
    values = {name.strip(): value.strip() for name, value in declared.items()}
    font = values.pop("font", "")
    for name in ("font-family", "stroke-linecap", "stroke-linejoin"):  # the page's own
        values.pop(name, None)
    size = re.search(r"([\d.]+)px", font)
    if size:
        values["font-size"] = size.group(1)
    for name in ("fill", "stroke"):
        if name in element.attrib and name not in values:
            values[name] = element.attrib[name]
    classes = []
    for name, value in values.items():
        known = CLASSES.get(value.lower())
        if known and name in ("fill", "stroke"):
            classes.append(f"{name[0]}-{known}")
            element.attrib.pop(name, None)
        else:
            element.set(name, value)
    if classes:
        element.set("class", " ".join(classes))


def _shorten(element: ElementTree.Element) -> None:
    """Places to a hundredth of a point, finer than any printer, and no turns by nothing."""
    for name in ("d", "x", "y"):
        if name in element.attrib:
            rounded = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found.group()):.2f}", element.attrib[name])
            element.set(name, re.sub(r"\s*([A-Za-z])\s*", r"\1", rounded).strip())
    if element.attrib.get("transform", "").startswith(("rotate(-0 ", "rotate(0 ")):
        del element.attrib["transform"]


def _rename(element: ElementTree.Element, prefix: str) -> None:
    """Ids, and references to them, get a prefix: several figures share a page."""
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    for name, value in list(element.attrib.items()):
        if name == f"{{{_LINK}}}href" and value.startswith("#"):
            element.set(name, f"#{prefix}-{value[1:]}")
        elif "url(#" in value:
            element.set(name, value.replace("url(#", f"url(#{prefix}-"))
