"""What a shell completes: names that an option or a command takes, and the script for a shell. Runs no command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, get_completion_class

# A string, because the class takes no type in earlier versions of click.
Items = list["CompletionItem[str]"]
Completer = Callable[[click.Context, click.Parameter, str], Items]
SHELLS = ("bash", "zsh", "fish")
# The shell's script runs the program with this variable set, and reads what it prints.
VARIABLE = "_MOCKSERVER_COMPLETE"


def completing(names: Callable[[], Iterable[str]], files: bool = False) -> Completer:
    """A `shell_complete` of click: the names that begin as given; where none does, files if they are taken too."""

    def complete(context: click.Context, param: click.Parameter, begun: str) -> Items:
        found = [CompletionItem(name) for name in names() if name.startswith(begun)]
        return found or [CompletionItem(begun, "file")] * files

    return complete


def _scenarios() -> Iterable[str]:
    from mockserver.scenario.loader import built_in_names

    return built_in_names()


def _models() -> Iterable[str]:
    from mockserver.contract.capabilities import table

    return table()


def _dialects() -> Iterable[str]:
    from mockserver.contract.dialects import table

    return table()


def _conditions() -> Iterable[str]:
    from mockserver.journal.report.facts import CHECKS

    return (f"{name}:" if name == "cost" else name for name in CHECKS)


SCENARIO = completing(_scenarios, files=True)
BUILT_IN = completing(_scenarios)
MODEL = completing(_models)
DIALECT = completing(_dialects)
CONDITION = completing(_conditions)
DAY = completing(lambda: ("any", "latest"))
CLOCK = completing(lambda: ("real",))
LATENCY = completing(lambda: ("none", "realistic"))
REPORT = completing(tuple, files=True)


@add_completion_class
class Bash(BashComplete):
    """Bash, which takes `--name=value` for three words."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, without a lone `=`, and the word that is begun."""
        words, begun = super().get_completion_args()
        return words[:-1] if words[-1:] == ["="] else words, begun


@click.command(
    epilog="""
\b
Examples:
  eval "$(mockserver completion bash)"                             in ~/.bashrc
  eval "$(mockserver completion zsh)"                              in ~/.zshrc, after compinit
  mockserver completion fish > ~/.config/fish/completions/mockserver.fish
"""
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print the script by which a shell completes words.

    Commands, options, scenarios, models and files are completed, in bash (4.4 and later), zsh and fish.
    """
    kind: Any = get_completion_class(shell)
    click.echo(kind(context.find_root().command, {}, "mockserver", VARIABLE).source(), nl=False)
