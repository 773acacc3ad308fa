"""The subcommands."""

from mockserver.cli.commands.fuzz import fuzz
from mockserver.cli.commands.judge import check, conform, lint
from mockserver.cli.commands.tables import errors, faults, models, scenarios

ALL = (models, errors, faults, check, conform, lint, scenarios, fuzz)
