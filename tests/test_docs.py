"""No page names a command, an option, an extra or a tox environment that does not exist. Nothing is run here."""

import configparser
import re
import tomllib

import pytest
import typer

from bench.cli import app
from tests.pages import FILES, OTHERS, OURS, PAGES, ROOT, Block, blocks, calls, is_other, spoken

BLOCKS = [block for page in PAGES for block in blocks(page)]
PROGRAM = typer.main.get_command(app)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def parse(words: list[str]) -> None:
    """Read a command line as the program would, and call nothing. Raises AssertionError with what it would say."""
    command, name = PROGRAM, OURS
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name, words = words[0], words[1:]
        assert name in command.commands, f"there is no command '{name}'"
        command = command.commands[name]
    if "--help" in words or "--version" in words:
        return
    try:
        command.make_context(name, list(words))
    except typer.TyperException as error:
        raise AssertionError(error.format_message()) from None


def options(text: str) -> tuple[set[str], set[str]]:
    """The options that a command in the running text names, and those that there are."""
    words, command = text.split()[1:], PROGRAM
    while (
        hasattr(command, "commands") and words and re.fullmatch(r"[a-z-]+", words[0]) and words[0] in command.commands
    ):
        command, words = command.commands[words[0]], words[1:]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    named = {word.split("=")[0].rstrip(",.;:") for word in words if re.match(r"--?[a-z]", word)}
    return named, known | {"--help"}


def ours(block: Block) -> list[list[str]]:
    return [call for line in block.lines() for call in calls(line) if call and call[0] == OURS]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_every_command_is_one_the_program_reads(block):
    for call in ours(block):
        parse(call[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_name_options_that_exist(page):
    for text in spoken(page):
        word = text.split()[1]
        if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-"):
            assert word in PROGRAM.commands, f"`{text}`: there is no command '{word}'"
        named, known = options(text)
        assert named <= known, f"`{text}`: no option {', '.join(sorted(named - known))}"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_every_program_is_known(block):
    for line in block.lines() if block.left_out is not None else ():
        programs = {call[0] for call in calls(line) if call}
        unknown = {each for each in programs - {OURS, *FILES} if not is_other(each)}
        assert not unknown, f"`{line}`: tests/pages.py must know whether that is run"
        assert all((ROOT / each).exists() for each in programs if each.startswith("scripts/")), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_environments_extras_and_files_that_are_named_exist(page):
    text = page.read_text()
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    there = {section.removeprefix("testenv:") for section in tox.sections()} | set(tox["tox"]["envlist"].split(", "))
    assert set(re.findall(r"\btox -e ([\w-]+)", text)) <= there
    extras = {one.strip() for many in re.findall(r"(?:restorebench|\.)\[([\w,]+)\]", text) for one in many.split(",")}
    assert extras <= set(PROJECT["optional-dependencies"]) | {"extra"}
    for path in re.findall(r"\bpytest (tests/[\w./]+)", text):
        assert (ROOT / path).exists(), path


def test_blocks_are_found_and_read():
    """The reader itself: it sees marks, continued lines, pipes, variables and output."""
    assert len(BLOCKS) > 10 and {call[1] for block in BLOCKS for call in ours(block)} >= {"run", "restore", "measure"}
    page = ROOT / "README.md"
    text = "$ restorebench run a \\\n   --tasks jpeg && cp x y | cat\nsite/index.html\n# restorebench nothing\n"
    text += "A=1 python -m bench verify m > f\npip install . && restorebench run"
    block = Block(page, 1, text, ("verify",))
    assert ours(block) == [
        ["restorebench", "run", "a", "--tasks", "jpeg"],
        ["restorebench", "verify", "m"],
        ["restorebench", "run"],
    ]
    assert block.runnable() == ["restorebench run a --tasks jpeg && cp x y | cat"]
    assert Block(page, 1, text, None).runnable() == []


@pytest.mark.parametrize(
    "words", [["rum"], ["run", "--suites", "x"], ["list", "everything"], ["degrade", "jpeg"], ["restore", "a"]]
)
def test_what_the_program_would_refuse_is_refused_here(words):
    with pytest.raises(AssertionError, match=r"\w"):
        parse(words)
    assert {*FILES} & {*OTHERS} == set()


def test_an_option_in_the_text_is_looked_up():
    named, known = options("restorebench verify --classic5")
    assert named == {"--classic5"} <= known
    assert not options("restorebench verify --classic6")[0] <= known
