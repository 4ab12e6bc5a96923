"""The pages' shell commands, taken from their Markdown.

A fenced block of shell (`sh`, `bash`, or no language where a line begins with a program) is run by `tox -e docs`: its
lines with `restorebench` and a few programs for files, not those that install, clone, test or serve. A comment leaves
it out:

    <!-- not run: needs a GPU -->                   the whole block
    <!-- not run, verify: needs Classic5 -->        only its `restorebench verify`
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "results" not in path.parts),
)
SHELLS = ("sh", "bash")
OURS = "restorebench"
FILES = ("cat", "cd", "cp", "export", "find", "ls", "mkdir", "mv", "rm")  # are run too
OTHERS = (  # a line with one of these is not run
    ".", "apt-get", "curl", "docker", "git", "mkdocs", "mypy", "pip", "pytest", "python", "ruff", "tox",
)  # fmt: skip

SERVERS = ("demo",)  # commands of ours that go on until they are interrupted

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--\s*not run(?:,\s*(?P<commands>[\w, -]+))?:\s*(?P<reason>[^>]+?)\s*-->\s*\Z")
_OPERATORS = set("&|;()<>")


@dataclass(frozen=True)
class Block:
    """A fenced block of shell. left_out: the commands of ours that are not run; None: nothing of it is run."""

    page: Path
    line: int
    text: str
    left_out: tuple[str, ...] | None = ()
    language: str = ""

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def lines(self) -> list[str]:
        """Its commands, one a line, without prompts and comments; of a block without a language without output too."""
        joined = re.sub(r" *\\\n\s*", " ", self.text)
        lines = [line.strip().removeprefix("$ ") for line in joined.splitlines()]
        return [line for line in lines if (_begins(line) if not self.language else line and not line.startswith("#"))]

    def runnable(self) -> list[str]:
        """The lines that are run."""
        if self.left_out is None:
            return []
        skipped = self.left_out
        return [line for line in self.lines() if all(_is_run(call, skipped) for call in calls(line))]


def blocks(page: Path) -> list[Block]:
    """The shell blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        language = fence["info"].split()[:1]
        plain = not language and any(_begins(line.strip()) for line in fence["text"].splitlines())
        if plain or language and language[0] in SHELLS:
            number = text.count("\n", 0, fence.start()) + 1
            left_out = _left_out(text[: fence.start()])
            found.append(Block(page, number, fence["text"], left_out, "".join(language)))
    return found


def calls(line: str) -> list[list[str]]:
    """The simple commands of a shell line, as words: "a x && b | c" is three. Redirections stay with their command."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= _OPERATORS - set("<>"):
            found.append([])
        else:
            found[-1].append(word)
    return [_program(words) for words in found if words]


def spoken(page: Path) -> list[str]:
    """Commands of ours named in the running text between backticks."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(each.split()) for each in re.findall(rf"`({OURS} [^`]+)`", text)]


def is_other(program: str) -> bool:
    """Whether it is a program that is known and not run."""
    return program in OTHERS or program.startswith("scripts/")


def _is_run(call: list[str], left_out: tuple[str, ...]) -> bool:
    program, command = (*call[:2], "", "")[:2]
    return not is_other(program) and not (program == OURS and command in (*left_out, *SERVERS))


def _begins(line: str) -> bool:
    """Whether a line begins with a program, rather than being a comment or what one prints."""
    word = line.split()[0] if line.split() else ""
    return word in (OURS, *FILES) or is_other(word) or bool(re.match(r"[A-Z_]+=\S+ \S", line))


def _left_out(before: str) -> tuple[str, ...] | None:
    comment = _COMMENT.search(before.rstrip()[-300:])
    if comment is None:
        return ()
    return tuple(each.strip() for each in comment["commands"].split(",")) if comment["commands"] else None


def _program(words: list[str]) -> list[str]:
    """Without variables set before it and what follows a redirection; `python -m bench` is ours."""
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        words = words[1:]
    ends = [index for index, word in enumerate(words) if set(word) <= set("<>")]
    words = words[: ends[0]] if ends else words
    return [OURS, *words[3:]] if words[:3] == ["python", "-m", "bench"] else words
