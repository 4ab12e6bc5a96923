"""The pages behind the tables: one per method, and the comparison with another folder of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from reports.against.compare import Comparison
from reports.against.moved import moved
from reports.against.page import HREF, against_view
from reports.methods.page import UP, Standing, method_names, method_page
from reports.viewer.gallery import Gallery


@dataclass(frozen=True)
class Shell:
    """What pages have in common: templates, theme, style sheet, the viewer's scripts, the policy made of all these."""

    templates: Environment
    common: dict[str, Any]
    style: Markup
    viewer: Sequence[Markup]
    policy: Callable[[Markup, list[Markup]], str]
    site: Path

    def put(self, template: str, href: str, context: dict[str, Any], gallery: Gallery | None) -> None:
        """Render a page with the viewer where it has pictures, and write it."""
        scripts = list(self.viewer) if gallery else []
        shared = {
            **self.common,
            "style": self.style,
            "scripts": scripts,
            "csp": self.policy(self.style, [self.common["theme"], *scripts]),
            "gallery": gallery.data() if gallery else None,
            "href": Path(href).name,
        }
        path = self.site / href
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self.templates.get_template(template).render(shared | context)
        path.write_text(text, encoding="utf-8", newline="\n")


def write_methods(shell: Shell, standings: Sequence[Standing]) -> None:
    """Write the page of every method that has a run."""
    for name in method_names(each.board for each in standings):
        page = method_page(name, standings, shell.site)
        shell.put("method.html", page.href, {"method": page, "samples": page.gallery, "root": UP}, page.gallery)


def write_against(shell: Shell, found: Comparison) -> None:
    """Write the comparison, against.html and against.csv."""
    pictures = moved(found.tasks, shell.site)
    context = {"view": against_view(found), "moved": pictures}
    shell.put("against.html", HREF, context, pictures.gallery if pictures else None)
    (shell.site / "against.csv").write_text(found.csv(), encoding="utf-8", newline="\n")
