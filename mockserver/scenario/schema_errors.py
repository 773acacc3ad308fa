"""What the schema finds wrong with the data of a scenario, or of a part, in words; and what is left without it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, cast

from mockserver.core import data_files
from mockserver.scenario.document import Document, LintError
from mockserver.scenario.suggest import suggest_name

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

# Of these a mapping lacks something; what is there may be good.
LACKS = ("required", "oneOf", "anyOf", "dependentRequired", "minProperties")


def find_schema_errors(document: Document, part: str) -> list[LintError]:
    """What the schema of a part finds wrong. The document's data are without it from then on."""
    errors = list(_validator(part).iter_errors(document.data))
    found = [fault for error in errors for fault in _shapeless(document, error)]
    if found:
        document.data, document.whole = _sound(document.data, errors), False
    return found


@cache
def _validator(part: str) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # a third of what a start would take, and often not needed

    schema = data_files.contract("schemas/scenario.json")
    return Draft202012Validator(schema if part == "scenario" else {"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]})


def _sound(data: Any, errors: Iterable["ValidationError"]) -> Any:
    """A copy without what is wrong."""
    whole = {"": deepcopy(data)}
    for error in errors:
        path, given = ["", *error.absolute_path], cast(Any, error.instance)
        if error.validator == "additionalProperties":
            for key in set(given) - set(_properties(error)):
                _drop(whole, [*path, key])
        elif error.validator not in LACKS:
            _drop(whole, path)
    return whole[""]


def _drop(whole: Any, path: Sequence[Any]) -> None:
    """Take out what stands at a path, with the list that it is part of. A step keeps its place, with nothing in it."""
    found: Any = whole
    holder: Any = whole
    name: Any = ""
    for depth, key in enumerate(path):
        if isinstance(found, Mapping):
            if key not in found:
                return
            holder, name = found, key
        elif path[:depth] == ["", "steps"]:
            holder, name = found, key
        found = found[key]
    if holder is whole or isinstance(holder, list):
        holder[name] = {}
    else:
        del holder[name]


def _shapeless(document: Document, error: "ValidationError") -> Iterator[LintError]:
    """What the schema finds wrong; of unknown keys, each in its own line."""
    if error.validator != "additionalProperties":
        yield document.at(error.absolute_path, _explain(error))
        return
    properties = _properties(error)
    for key, line in document.keys(error.absolute_path).items():
        if key not in properties:
            expected = ", ".join(properties) or "none here"
            told = f"{short(key)}: unknown key{suggest_name(key, properties)}; expected {expected}"
            yield document.at(error.absolute_path, told, line)


def _properties(error: "ValidationError") -> Mapping[str, Any]:
    """The keys that the broken part of the schema knows."""
    return error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}


def _explain(error: "ValidationError") -> str:
    wanted: Any = error.validator_value
    value: Any = error.instance
    known = ", ".join(_properties(error))
    match error.validator:
        case "required":
            missing = next(key for key in wanted if key not in value)
            return f"the key {missing!r} is missing; expected keys are {known or missing}"
        case "oneOf":
            return f"expected exactly one of {', '.join(repr(one['required'][0]) for one in wanted)}"
        case "anyOf":
            missing, other = (one["required"][0] for one in wanted)
            return f"the key {missing!r} is missing, and {other!r} too; expected keys are {known}"
        case "type":
            kinds = wanted if isinstance(wanted, str) else " or ".join(wanted)
            return f"{short(value)} is not what belongs here; expected {kinds}"
        case "enum":
            return (
                f"{short(value)} is unknown{suggest_name(value, wanted)}; expected one of {', '.join(map(str, wanted))}"
            )
    return f"{short(value)} does not do; expected {error.validator} {wanted}"
