"""Someone who does what a document says: runs its blocks of code one after the other, in one folder, against a mock."""

import configparser
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from PIL import Image

from mockserver.cli import main
from mockserver.images import sample
from mockserver.scenario.loader import parse
from tests.cli.test_cli import HOME, serving

README = HOME / "README.md"
DOCS = sorted((HOME / "docs").rglob("*.md"))
FIRST_CALLS = HOME / "docs" / "guides" / "first-calls.md"
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TESTS = re.compile(r"^(async )?def test_|^test_\w+ = ", re.MULTILINE)
# The packages that a document may tell people to install, beside this one.
PACKAGES = {"pip", "pytest", "pytest-xdist", "openai", "redis", "schemathesis", "ai", "@ai-sdk/openai", "litellm"}
OURS = {".", "--group", "test", "--upgrade", "--editable", "install", "-m", "python3", "python", "-q", "npm", "--dev"}
INSTALL = re.compile(r"\b(?:pip|npm) install [^&|;\n]+")
# What differs from run to run, and what stands for it.
PASSING = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:4010"),
    (r"req_[0-9a-f]{32}", "req_43de29b4181d64860e4d7888f7e977e4"),
    (r"\b\d+\.\d+s\b", "0.10s"),
    (r"=+ (.*?) =+", r"= \1 ="),
    (r"_+ (\w+) _+", r"_ \1 _"),
    (r"[ \t]+$", ""),
)
# A test suite that somebody wrote in another language: one call, and no retry.
NPM = """exec curl -s -o answer.json -H "Authorization: Bearer $OPENAI_API_KEY" -F model=gpt-image-2 -F prompt=x \
-F image=@house.png "$OPENAI_BASE_URL/images/edits"
"""
# The options of a run of pytest by somebody who installed this package.
PYTEST = "-p mockserver.pytest_plugin -p no:cacheprovider --rootdir=. -W error -W default:gpt-image:UserWarning"


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, what its fence says, and what it holds."""

    document: Path
    line: int
    info: str
    code: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    def mark(self, name: str) -> str | None:
        """What the fence says of `file`, the name of a new file, or of `append`, the name of one that is there."""
        found = re.search(rf"\b{name}=(\S+)", self.info)
        return found and found[1]

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


def blocks(document: Path) -> list[Block]:
    """The blocks of a document, in their order."""
    text = document.read_text("utf-8")
    return [
        Block(document, text.count("\n", 0, found.start()) + 1, found[1].strip(), found[2])
        for found in FENCE.finditer(text)
    ]


def plain(text: str) -> str:
    """A text without what differs from run to run."""
    for pattern, instead in PASSING:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text


def same(shown: str, said: str) -> bool:
    """Is it what was shown? A line of three dots stands for any lines, three dots at a line's end for its rest."""
    lines = (line.partition(" ...") if line != "..." else None for line in plain(shown).splitlines())
    wanted = (f"{re.escape(line[0])}{line[1] and '.*'}\n" if line else r"(?:.*\n)*?" for line in lines)
    return re.fullmatch("".join(wanted), plain(said)) is not None


def commands(code: str) -> list[tuple[str, str]]:
    """The commands of a console, each with the output that is shown below it."""
    found = re.split(r"^\$ ", code, flags=re.MULTILINE)
    assert found[0] == "", f"a console begins with a command, not with {found[0]!r}"
    pairs = [re.fullmatch(r"((?:.*\\\n)*.*\n)((?:.*\n)*)", one) for one in found[1:]]
    return [(pair[1], pair[2]) for pair in pairs if pair]


def installed(code: str) -> str:
    """The code without its lines that install something, which must be known."""
    named = {word for line in INSTALL.findall(code) for word in shlex.split(line)} - OURS
    strange = {re.sub(r"\[.*", "", word) for word in named} - PACKAGES - {"mockserver-images"}
    assert not strange - {"pip"}, f"nobody knows {', '.join(sorted(strange))}"
    return "".join(line for line in code.splitlines(keepends=True) if not INSTALL.search(line))


def starts(command: str) -> list[str] | None:
    """The options of a command that starts a server to stay, else None."""
    words = shlex.split(command)
    ours = words[:1] == ["mockserver"] and not {"--", "|", ">", *main.command.commands} & set(words)
    return words[1:] if ours and not {"--help", "--version"} & set(words) else None


class Reader:
    """Does what blocks say. The server that a document starts takes the place of the one before it."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, instead: Mapping[str, str]) -> None:
        self.folder, self.stack, self.instead = folder, stack, instead
        self.root, self.said = "", list[tuple[Block, str]]()
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name, call in (("mockserver", "-m mockserver"), ("pytest", "-m pytest"), ("python", ""), ("python3", "")):
            self._command(name, f'exec "{sys.executable}" {call} "$@"\n')
        self._command("npm", NPM)
        (folder / "house.png").write_bytes(sample.png())
        with Image.open(folder / "house.png") as house:
            house.convert("P").save(folder / "map.png")
        self.kinds: Mapping[str, Callable[[Block], str]] = {
            "python": self.python,
            "sh": self.script,
            "bash": self.script,
            "console": self.console,
            "yaml": self.scenario,
            "json": lambda block: str(json.loads(block.code)),
            "toml": lambda block: str(tomllib.loads(block.code)),
            "ini": lambda block: str(configparser.ConfigParser().read_string(block.code)),
            "js": self.javascript,
            "text": lambda block: block.code,
            "": lambda block: block.code,
        }

    def _command(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}")
        (self.bin / name).chmod(0o755)

    def start(self, *options: str) -> None:
        """Start a server, in place of the one before."""
        self.stack.close()
        self.root = self.stack.enter_context(serving("--paint", "receipt", *options, folder=self.folder)).root

    def read(self, block: Block) -> None:
        """Do what it says; raises AssertionError that names the block where something else came of it."""
        assert block.language in self.kinds, f"{block}: nobody can run {block.info!r}"
        code = block.code
        for old, new in {"http://127.0.0.1:4010": self.root or "http://127.0.0.1:4010", **self.instead}.items():
            code = code.replace(old, new)
        if file := block.mark("file"):
            (self.folder / file).parent.mkdir(exist_ok=True, parents=True)
            (self.folder / file).write_text(code)
        if file := block.mark("append"):
            (self.folder / file).write_text((self.folder / file).read_text("utf-8") + code, "utf-8")
        try:
            self.said.append((block, self.kinds[block.language](Block(block.document, block.line, block.info, code))))
        except Exception as error:
            raise AssertionError(f"{block}: {error}") from error

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody would who knows where the mock is, and who has no network."""
        nowhere = "http://127.0.0.1:9"
        env = os.environ | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(HOME),
            "OPENAI_BASE_URL": f"{self.root}/v1",
            "OPENAI_API_KEY": "test",
            "MOCKSERVER_URL": self.root,
            "HTTP_PROXY": nowhere,
            "HTTPS_PROXY": nowhere,
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": PYTEST,
        }
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True)

    def whole(self, *command: str) -> str:
        """What a command prints that must end well and say nothing on stderr."""
        done = self.run(*command)
        assert (done.returncode, done.stderr) == (0, ""), f"status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def python(self, block: Block) -> str:
        """A script, or tests. Tests with a file's name are left to the command that names it."""
        if block.mark("append"):
            return ""
        if block.mark("file") and TESTS.search(block.code):
            after = [one.code for one in blocks(block.document) if one.line > block.line]
            assert any("pytest" in code for code in after), "no command runs these tests"
            return ""
        tests = bool(TESTS.search(block.code))
        file = block.mark("file") or f"{'test_' * tests}line_{block.line}.py"
        (self.folder / file).write_text(block.code)
        return self.whole(*(["pytest", "-q"] if tests else ["python", "-W", "error"]), file)

    def script(self, block: Block) -> str:
        """Commands without their output."""
        if "parsed" in block.info.split():
            return self.parsed(block)
        code = installed(block.code)
        options = starts(code) if code.count("\n") == 1 else None
        if options is not None:
            self.start(*options)
            return ""
        return self.whole("bash", "-ec", code) if code else ""

    def parsed(self, block: Block) -> str:
        """Commands that need what is not there: their words and options are looked at, no more."""
        self.whole("bash", "-nc", block.code)
        for words in (shlex.split(line) for line in block.code.splitlines() if line.startswith("mockserver")):
            group = main.command if len(words) < 2 or words[1] not in main.command.commands else None
            called, rest = (group, words[1:]) if group else (main.command.commands[words[1]], words[2:])
            with contextlib.chdir(self.folder):
                called.make_context(words[0], rest)
        return ""

    def console(self, block: Block) -> str:
        """Commands with the output that is shown; those without any must end well."""
        told = []
        for command, shown in commands(block.code):
            command = installed(command)
            options = None if shown else starts(command)
            if options is not None:
                self.start(*options)
            elif command and shown:
                done = self.run("bash", "-c", f"exec 2>&1; {command}")
                assert same(shown, done.stdout), f"{command}\nshown:\n{shown}\nsaid:\n{done.stdout}"
                told.append(done.stdout)
            elif command:
                told.append(self.whole("bash", "-ec", command))
        return "".join(told)

    def scenario(self, block: Block) -> str:
        """A scenario, which must have no faults, or another YAML."""
        value = yaml.safe_load(block.code)
        if "excerpt" not in block.info and isinstance(value, dict) and {"scenario", "steps", "extends"} & set(value):
            return parse(block.code.encode(), str(block)).name
        return str(value)

    def javascript(self, block: Block) -> str:
        """Its grammar alone is looked at, and where there is Node."""
        file = f"line_{block.line}.mjs"
        (self.folder / file).write_text(block.code)
        return self.whole("bash", "-ec", f"! command -v node >node.txt || node --check {file}")


def play(document: Path, folder: Path, instead: Mapping[str, str] | None = None) -> list[tuple[Block, str]]:
    """Do all that a document says; returns each block with what came of it. `instead` replaces texts in its code."""
    with contextlib.ExitStack() as stack:
        reader = Reader(folder, stack, instead or {})
        for block in blocks(document):
            if not reader.root and block.language in ("python", "sh", "bash", "console"):
                reader.start()
            reader.read(block)
    return reader.said
