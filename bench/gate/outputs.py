"""A verdict for programs and people: check.json, JUnit XML, Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from bench.gate.verdict import Line, State, Verdict
from bench.results.store import write_atomic

MARKS = {State.passed: "✅", State.regressed: "❌", State.undecided: "❓", State.noted: "ℹ️"}
ORDER = (State.regressed, State.undecided, State.passed, State.noted)
MOST_NOTED = 10  # noted lines that Markdown shows


def write(verdict: Verdict, folder: Path) -> list[Path]:
    """Write check.json, junit.xml and summary.md; returns their paths."""
    files = {
        "check.json": json.dumps(verdict.plain(), indent=1, ensure_ascii=False, allow_nan=False).encode(),
        "junit.xml": junit(verdict),
        "summary.md": markdown(verdict).encode(),
    }
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]


def junit(verdict: Verdict) -> bytes:
    """A test suite with a case per line: regressed is a failure, could not judge an error, noted is skipped."""
    kinds = {State.regressed: "failure", State.undecided: "error", State.noted: "skipped"}
    count = {state: str(len(verdict.of(state))) for state in State}
    totals = {"failures": count[State.regressed], "errors": count[State.undecided], "skipped": count[State.noted]}
    suite = ElementTree.Element("testsuite", {"name": "restorebench", "tests": str(len(verdict.lines)), **totals})
    for line in verdict.lines:
        place = line.place
        name = " ".join(part for part in (place.metric, place.region, place.level) if part) or "runs"
        case = ElementTree.SubElement(suite, "testcase", classname=f"{place.task}.{place.method}", name=name)
        if line.state in kinds:
            found = ElementTree.SubElement(case, kinds[line.state], message=_clean(line.words))
            found.text = _clean("\n".join([line.words, *_named(verdict, line)]))
    if not verdict.lines:
        case = ElementTree.SubElement(suite, "testcase", classname="restorebench", name="nothing")
        ElementTree.SubElement(case, "error", message=verdict.headline())
        suite.set("tests", "1")
        suite.set("errors", "1")
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def markdown(verdict: Verdict) -> str:
    """For a pull request or a step summary."""
    parts = [f"## {MARKS[verdict.state]} restorebench check: {verdict.headline()}", ""]
    if verdict.causes:
        named = ((f"{each.task} {each.method}", each.name, each.words) for each in verdict.causes)
        parts += [f"- **{_cell(who)}** looks like **{name}**: {_cell(words)}" for who, name, words in named]
        parts.append("")
    rows = [line for state in ORDER if state is not State.noted for line in verdict.of(state)]
    if rows:
        parts += ["| | what | rule | before | after | loss | |", "|---|---|---|---:|---:|---:|---|"]
        parts += [_row(line) for line in rows]
        parts.append("")
    noted = [*(f"{line.place}: {line.words}" for line in verdict.of(State.noted)), *verdict.notes]
    parts += [f"- {MARKS[State.noted]} {_cell(each)}" for each in noted[:MOST_NOTED]]
    if len(noted) > MOST_NOTED:
        parts.append(f"- and {len(noted) - MOST_NOTED} more notes in check.json")
    return "\n".join(parts).rstrip() + "\n"


def interval(line: Line) -> str:
    """The mean loss and its one-sided bounds, as far as there are any."""
    if line.loss is None:
        return ""
    unit = f" {line.unit}" if line.unit else ""
    bounds = "" if line.low is None or line.high is None else f" [{line.low:.4g}, {line.high:.4g}]"
    return f"{line.loss:.4g}{bounds}{unit}"


def _row(line: Line) -> str:
    numbers = ["" if each is None else f"{each:.5g}" for each in (line.before, line.after)]
    cells = (MARKS[line.state], str(line.place), line.rule, *numbers, interval(line), line.words)
    return f"| {' | '.join(_cell(each) for each in cells)} |"


def _named(verdict: Verdict, line: Line) -> list[str]:
    own = (each for each in verdict.causes if (each.task, each.method) == (line.place.task, line.place.method))
    return [f"looks like {each.name}: {each.words}" for each in own]


def _cell(text: str) -> str:
    """Text that cannot leave its cell, nor become markup."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    return plain.replace("<", "&lt;").replace("_", "\\_").replace("*", "\\*")


def _clean(text: str) -> str:
    """Without the control characters that XML refuses."""
    return "".join(each for each in text if each in "\n\t" or each >= " ")
