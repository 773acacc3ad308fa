"""Run the code blocks of a document in order, in one folder, against a mock server."""

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
# The packages, besides this one, that a document may install.
PACKAGES = {"pip", "pytest", "pytest-xdist", "openai", "redis", "schemathesis", "ai", "@ai-sdk/openai", "litellm"}
OURS = {".", "--group", "test", "--upgrade", "--editable", "install", "-m", "python3", "python", "-q", "npm", "--dev"}
INSTALL = re.compile(r"\b(?:pip|npm) install [^&|;\n]+")
# Output that differs from run to run, and its replacement.
PASSING = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:4010"),
    (r"req_[0-9a-f]{32}", "req_43de29b4181d64860e4d7888f7e977e4"),
    (r"\b\d+\.\d+s\b", "0.10s"),
    (r"=+ (.*?) =+", r"= \1 ="),
    (r"_+ (\w+) _+", r"_ \1 _"),
    (r"[ \t]+$", ""),
)
# A test suite in another language: one call without a retry.
NPM = """exec curl -s -o answer.json -H "Authorization: Bearer $OPENAI_API_KEY" -F model=gpt-image-2 -F prompt=x \
-F image=@house.png "$OPENAI_BASE_URL/images/edits"
"""
# The options of pytest for a user who installed this package.
PYTEST = "-p mockserver.pytest_plugin -p no:cacheprovider --rootdir=. -W error -W default:gpt-image:UserWarning"


@dataclass(frozen=True)
class Block:
    """A block of code: its position, the info string of its fence, and its text."""

    document: Path
    line: int
    info: str
    code: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    def mark(self, name: str) -> str | None:
        """Return the value of `file` (a new file) or `append` (an existing file) in the info string."""
        found = re.search(rf"\b{name}=(\S+)", self.info)
        return found and found[1]

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


def blocks(document: Path) -> list[Block]:
    text = document.read_text("utf-8")
    return [
        Block(document, text.count("\n", 0, found.start()) + 1, found[1].strip(), found[2])
        for found in FENCE.finditer(text)
    ]


def normalize(text: str) -> str:
    """Replace whatever differs from run to run."""
    for pattern, instead in PASSING:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text


def matches_output(shown: str, said: str) -> bool:
    """Compare output with a document: a line `...` matches any lines, ` ...` at the end of a line its rest."""
    lines = (line.partition(" ...") if line != "..." else None for line in normalize(shown).splitlines())
    wanted = (f"{re.escape(line[0])}{line[1] and '.*'}\n" if line else r"(?:.*\n)*?" for line in lines)
    return re.fullmatch("".join(wanted), normalize(said)) is not None


def split_commands(code: str) -> list[tuple[str, str]]:
    """Split a console block into pairs of a command and its output."""
    found = re.split(r"^\$ ", code, flags=re.MULTILINE)
    assert found[0] == "", f"a console begins with a command, not with {found[0]!r}"
    pairs = [re.fullmatch(r"((?:.*\\\n)*.*\n)((?:.*\n)*)", one) for one in found[1:]]
    return [(pair[1], pair[2]) for pair in pairs if pair]


def strip_installs(code: str) -> str:
    """Remove the lines that install packages; fail for a package that is not in PACKAGES."""
    named = {word for line in INSTALL.findall(code) for word in shlex.split(line)} - OURS
    strange = {re.sub(r"\[.*", "", word) for word in named} - PACKAGES - {"mockserver-images"}
    assert not strange - {"pip"}, f"unknown packages: {', '.join(sorted(strange))}"
    return "".join(line for line in code.splitlines(keepends=True) if not INSTALL.search(line))


def server_options(command: str) -> list[str] | None:
    """Return the options of a command that starts a server, else None."""
    words = shlex.split(command)
    ours = words[:1] == ["mockserver"] and not {"--", "|", ">", *main.command.commands} & set(words)
    return words[1:] if ours and not {"--help", "--version"} & set(words) else None


class Reader:
    """Runs blocks. A server that a document starts replaces the previous one."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, instead: Mapping[str, str]) -> None:
        self.folder, self.stack, self.instead = folder, stack, instead
        self.root, self.results = "", list[tuple[Block, str]]()
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
        """Start a server and stop the previous one."""
        self.stack.close()
        self.root = self.stack.enter_context(serving("--paint", "receipt", *options, folder=self.folder)).root

    def read(self, block: Block) -> None:
        """Run a block; raise an AssertionError that names the block if it fails."""
        assert block.language in self.kinds, f"{block}: unsupported language {block.info!r}"
        code = block.code
        for old, new in {"http://127.0.0.1:4010": self.root or "http://127.0.0.1:4010", **self.instead}.items():
            code = code.replace(old, new)
        if file := block.mark("file"):
            (self.folder / file).parent.mkdir(exist_ok=True, parents=True)
            (self.folder / file).write_text(code)
        if file := block.mark("append"):
            (self.folder / file).write_text((self.folder / file).read_text("utf-8") + code, "utf-8")
        try:
            self.results.append(
                (block, self.kinds[block.language](Block(block.document, block.line, block.info, code)))
            )
        except Exception as error:
            raise AssertionError(f"{block}: {error}") from error

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the URL of the mock and without a network."""
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

    def run_successfully(self, *command: str) -> str:
        """Run a command that must succeed without output on stderr, and return its stdout."""
        done = self.run(*command)
        assert (done.returncode, done.stderr) == (0, ""), f"status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def python(self, block: Block) -> str:
        """Run a script or tests. Tests saved to a named file are run by a later command."""
        if block.mark("append"):
            return ""
        if block.mark("file") and TESTS.search(block.code):
            after = [one.code for one in blocks(block.document) if one.line > block.line]
            assert any("pytest" in code for code in after), "no command runs these tests"
            return ""
        tests = bool(TESTS.search(block.code))
        file = block.mark("file") or f"{'test_' * tests}line_{block.line}.py"
        (self.folder / file).write_text(block.code)
        return self.run_successfully(*(["pytest", "-q"] if tests else ["python", "-W", "error"]), file)

    def script(self, block: Block) -> str:
        """Run commands whose output the document does not show."""
        if "parsed" in block.info.split():
            return self.parsed(block)
        code = strip_installs(block.code)
        options = server_options(code) if code.count("\n") == 1 else None
        if options is not None:
            self.start(*options)
            return ""
        return self.run_successfully("bash", "-ec", code) if code else ""

    def parsed(self, block: Block) -> str:
        """Parse commands that cannot run here, and check their options."""
        self.run_successfully("bash", "-nc", block.code)
        for words in (shlex.split(line) for line in block.code.splitlines() if line.startswith("mockserver")):
            group = main.command if len(words) < 2 or words[1] not in main.command.commands else None
            called, rest = (group, words[1:]) if group else (main.command.commands[words[1]], words[2:])
            with contextlib.chdir(self.folder):
                called.make_context(words[0], rest)
        return ""

    def console(self, block: Block) -> str:
        """Run commands and compare their output; a command without output must succeed."""
        results = []
        for command, shown in split_commands(block.code):
            command = strip_installs(command)
            options = None if shown else server_options(command)
            if options is not None:
                self.start(*options)
            elif command and shown:
                done = self.run("bash", "-c", f"exec 2>&1; {command}")
                assert matches_output(shown, done.stdout), f"{command}\nshown:\n{shown}\nactual:\n{done.stdout}"
                results.append(done.stdout)
            elif command:
                results.append(self.run_successfully("bash", "-ec", command))
        return "".join(results)

    def scenario(self, block: Block) -> str:
        """Parse a scenario, which must be valid, or other YAML."""
        value = yaml.safe_load(block.code)
        if "excerpt" not in block.info and isinstance(value, dict) and {"scenario", "steps", "extends"} & set(value):
            return parse(block.code.encode(), str(block)).name
        return str(value)

    def javascript(self, block: Block) -> str:
        """Check the syntax if Node is installed."""
        file = f"line_{block.line}.mjs"
        (self.folder / file).write_text(block.code)
        return self.run_successfully("bash", "-ec", f"! command -v node >node.txt || node --check {file}")


def play(document: Path, folder: Path, instead: Mapping[str, str] | None = None) -> list[tuple[Block, str]]:
    """Run all blocks of a document and return each with its output. `instead` replaces texts in the code."""
    with contextlib.ExitStack() as stack:
        reader = Reader(folder, stack, instead or {})
        for block in blocks(document):
            if not reader.root and block.language in ("python", "sh", "bash", "console"):
                reader.start()
            reader.read(block)
    return reader.results
