"""Drawings as the pages carry them: light, in the page's own colours and type, fit to share a page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib
import pytest

from reports.drawings.svg import INK, STYLE, figure, inline, tick


def drawn(prefix: str = "one") -> str:
    """A line that is clipped to its axes, with a title."""
    with matplotlib.rc_context(STYLE):
        sheet = figure(3, 2)
        axes = sheet.add_subplot()
        axes.plot([0, 1, 2], [0, 1 / 3, 9], color=INK)
        axes.set_title("<title>")
        return str(inline(sheet, "a line & more", prefix))


def test_an_id_is_kept_where_something_refers_to_it_and_nowhere_else():
    text = drawn()
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert ids == set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text)) != set()
    assert not ids & set(re.findall(r'\bid="([^"]+)"', drawn("two")))


def test_a_drawing_takes_type_and_colours_from_the_page():
    text = drawn()
    assert "font-family" not in text and "style=" not in text and "<style" not in text
    assert INK not in text and 's-ink"' in text


def test_places_are_short_and_nothing_is_between_the_elements():
    root = ElementTree.fromstring(drawn())
    assert not re.search(r"\d\.\d{3}", " ".join(each.get("d", "") + " " + each.get("x", "") for each in root.iter()))
    assert not any(each.tail for each in root.iter())
    assert [each.text for each in root.iter() if each.tag.endswith("text")][-1] == "<title>"
    assert (root.get("role"), root.get("aria-label")) == ("img", "a line & more")


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (2500, "2.5 k"), (-4e6, "-4 M"), (0.00105, "0.00105")])
def test_ticks(value, text):
    assert tick(value, 0) == text
