"""The command group: its help in sections, and the command to run after `--`."""

from __future__ import annotations

import shlex

import click
from click.shell_completion import CompletionItem

from mockserver.cli.serve_options import SECTIONS

STATUSES = """
\b
Exit status:
  0    success; a server that was stopped
  1    rejected, invalid or different, as the command's help says; --fail-on; a report that could not be written
  2    usage error, or a file that cannot be read: one line on stderr
  130  Ctrl-C before the server was ready
  After -- the command's own; 127 if it was not found, 126 if it cannot be executed, 128 + N after signal N.
"""


class PassthroughGroup(click.Group):
    """A group that accepts a command of the user after `--` in place of a subcommand. Its words are in `ctx.obj`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A `--` after a subcommand belongs to that subcommand.
        if "--" in args:
            separator = args.index("--")
            _, subcommand, _ = self.make_parser(ctx).parse_args(args[:separator])
            if not subcommand:
                ctx.obj = args[separator + 1 :]
                if not ctx.obj and not ctx.resilient_parsing:
                    raise click.UsageError("expected a command after --, such as: mockserver -- npm test", ctx)
                args = args[:separator]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = f"To run a command of your own, put it after --: mockserver -- {shlex.join(args)}"
            raise click.UsageError(f"{error.format_message()} {hint}", ctx) from None

    def invoke(self, ctx: click.Context) -> object:
        # A usage error names the subcommand, not the group.
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None:
                name = str(ctx.invoked_subcommand)
                error.ctx = click.Context(self.commands[name], ctx, name)
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        if ctx.obj is not None:  # after `--`
            return [CompletionItem(incomplete, "file")]
        return super().shell_complete(ctx, incomplete)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first, then the options by section, in the order of their declaration."""
        self.format_commands(ctx, formatter)
        titles = {option: title for title, options in SECTIONS.items() for option in options}
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in [param for param in self.get_params(ctx) if isinstance(param, click.Option)]:
            sections.setdefault(titles.get(option, "Other options"), []).append(_format_option(ctx, option))
        width = max(len(name) for rows in sections.values() for name, _ in rows)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows], col_max=width + 2)


def _format_option(ctx: click.Context, option: click.Option) -> tuple[str, str]:
    name, text = option.get_help_record(ctx) or ("", "")
    return name, f"{option.help} [{option.default}]" if option.show_default else text
