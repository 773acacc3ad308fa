"""Shell completion: the values that options and commands take, and the script for each shell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, get_completion_class

# A string, because the class is not generic in earlier versions of click.
Items = list["CompletionItem[str]"]
Completer = Callable[[click.Context, click.Parameter, str], Items]
SHELLS = ("bash", "zsh", "fish")
# The shell's script runs the program with this variable set, and reads what it prints.
VARIABLE = "_MOCKSERVER_COMPLETE"


def complete_from(names: Callable[[], Iterable[str]], files: bool = False) -> Completer:
    """A `shell_complete` callback for click that offers names, and file names if no name matches and `files` is set."""

    def complete(context: click.Context, param: click.Parameter, incomplete: str) -> Items:
        matches = [CompletionItem(name) for name in names() if name.startswith(incomplete)]
        return matches or [CompletionItem(incomplete, "file")] * files

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


SCENARIO = complete_from(_scenarios, files=True)
BUILT_IN = complete_from(_scenarios)
MODEL = complete_from(_models)
DIALECT = complete_from(_dialects)
CONDITION = complete_from(_conditions)
DAY = complete_from(lambda: ("any", "latest"))
CLOCK = complete_from(lambda: ("real",))
LATENCY = complete_from(lambda: ("none", "realistic"))
REPORT = complete_from(tuple, files=True)


@add_completion_class
class Bash(BashComplete):
    """Bash splits `--name=value` into three words."""

    def get_completion_args(self) -> tuple[list[str], str]:
        words, incomplete = super().get_completion_args()
        return words[:-1] if words[-1:] == ["="] else words, incomplete


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
    """Print the completion script of a shell.

    It completes commands, options, scenarios, models and files in bash (4.4 and later), zsh and fish.
    """
    completion_class: Any = get_completion_class(shell)
    click.echo(completion_class(context.find_root().command, {}, "mockserver", VARIABLE).source(), nl=False)
