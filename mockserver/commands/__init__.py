"""The commands that do not serve. Each is one call."""

from mockserver.commands.fuzzed import fuzz
from mockserver.commands.judged import check, conform, lint
from mockserver.commands.printed import errors, faults, models, scenarios

ALL = (models, errors, faults, check, conform, lint, scenarios, fuzz)
