"""The group of all commands: its help in sections, and somebody else's command after `--`. Knows no command itself."""

from __future__ import annotations

import shlex

import click
from click.shell_completion import CompletionItem

from mockserver.cli.serve_options import SECTIONS

STATUSES = """
\b
Exit status:
  0    all is well; a server that was told to stop
  1    refused, broken or different, as the command's help says; --fail-on; a report that was not written
  2    wrong use, or a file that cannot be read: one line on stderr
  130  Ctrl-C before it served
  Behind -- the command's own; 127 or 126 when it was not found or cannot be run, 128 + N after signal N.
"""


class Wrapping(click.Group):
    """A group of commands that, without any of them, takes somebody else's command after `--`: it stands in `obj`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cut the other command off, unless one of ours comes before it, whose own `--` it then is."""
        if "--" in args:
            cut = args.index("--")
            _, rest, _ = self.make_parser(ctx).parse_args(args[:cut])
            if not rest:
                ctx.obj = args[cut + 1 :]
                if not ctx.obj and not ctx.resilient_parsing:
                    raise click.UsageError("a command is expected after --, such as: mockserver -- npm test", ctx)
                args = args[:cut]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Our command of that name; somebody else's has to stand behind `--`."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            own = f"A command of your own stands behind --, such as: mockserver -- {shlex.join(args)}"
            raise click.UsageError(f"{error.format_message()} {own}", ctx) from None

    def invoke(self, ctx: click.Context) -> object:
        """Run a command. What is wrong with its options is told as its own matter, not as that of the group."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None:
                name = str(ctx.invoked_subcommand)
                error.ctx = click.Context(self.commands[name], ctx, name)
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands and options; after `--`, whose words are another program's, files."""
        if ctx.obj is not None:
            return [CompletionItem(incomplete, "file")]
        return super().shell_complete(ctx, incomplete)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands first, then the options in their sections, in the order in which they are declared."""
        self.format_commands(ctx, formatter)
        known = {option: title for title, options in SECTIONS.items() for option in options}
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in [param for param in self.get_params(ctx) if isinstance(param, click.Option)]:
            sections.setdefault(known.get(option, "Besides"), []).append(_line(ctx, option))
        wide = max(len(name) for rows in sections.values() for name, _ in rows)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(wide), text) for name, text in rows], col_max=wide + 2)


def _line(ctx: click.Context, option: click.Option) -> tuple[str, str]:
    """An option's name and help, with its default in brackets."""
    name, text = option.get_help_record(ctx) or ("", "")
    return name, f"{option.help} [{option.default}]" if option.show_default else text
