"""The contract's data as tables for people: models, errors, limits. Only reads; the rows make text and Markdown."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.contract import catalogue
from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, table
from mockserver.core import data_files
from mockserver.journal import verdict
from mockserver.scenario.faults.table import FAULTS

# What programs get: texts and numbers, None for what is not there, and numbers by name.
Value = str | int | None | Mapping[str, float]
Rows = list[dict[str, Value]]
INDENT = "    "


def models(as_of: AsOf) -> Rows:
    """A row for each model that is served on a day (with `any`: of all times), newest last."""
    served = [row for row in table().values() if any(row.served(as_of, endpoint) for endpoint in row.row["endpoints"])]
    return [_model(capability) for capability in served]


def _model(capability: Capability) -> dict[str, Value]:
    row, parameter = capability.row, capability.parameter_schema
    prices = row.get("prices") or {}
    shown = {"text_in": "text in", "image_in": "image in", "image_out": "image out", "text_out": "text out"}
    return {
        "model": capability.model,
        "endpoints": ", ".join(endpoint.removeprefix("images/") for endpoint in row["endpoints"]),
        "released": str(capability.released),
        "shut down": str(capability.shutdown) if capability.shutdown else None,
        "sizes": _values(parameter("size")) or "WIDTHxHEIGHT, auto",
        "quality": _values(parameter("quality")),
        "fidelity": None if "input-fidelity-model" in row["refusals"] else _values(parameter("input_fidelity")),
        "formats": _values(parameter("output_format")) or "png",
        "$ per million tokens": {shown[kind]: price for kind, price in prices.items()},
        "confidence": row["confidence"],
    }


def _values(schema: Any) -> str | None:
    """What an enumeration holds; None where there is none."""
    return ", ".join(schema.get("enum", ())) or None if isinstance(schema, Mapping) else None


def errors(as_of: AsOf) -> Rows:
    """A row for each refusal that the API is known, or believed, to give on a day, in the order in which they bite."""
    holding = [row for row in catalogue.rows() if row.provider == "openai" and as_of.holds(row.since, row.until)]
    return [
        {
            "error": row.family,
            "status": row.status,
            "code": row.code or None,
            "param": row.param or None,
            "at": row.at,
            "confidence": row.confidence,
            "message": row.message or None,
        }
        for row in sorted(holding, key=lambda row: row.stage)
    ]


def faults() -> Rows:
    """A row for each fault that a scenario can order, as a scenario writes it."""
    return [
        {
            "fault": row.name,
            "mark": row.mark,
            "on": row.on,
            "parameters": ", ".join(_parameter(name, schema) for name, schema in row.parameters.items()),
            "what happens": row.about,
        }
        for row in FAULTS.values()
    ]


def _parameter(name: str, schema: Mapping[str, Any]) -> str:
    values = " or ".join(map(str, schema.get("enum", ())))
    default = f" ({schema['default']})" if "default" in schema else ""
    return f"{name}{default}" if not values else f"{name}: {values}{default}"


def limits() -> Rows:
    """The limits of each group of models, as they are enforced."""
    seen: dict[str, dict[str, Value]] = {}
    for capability in table().values():
        images, prompt, n = (
            capability.row["images"],
            capability.parameter_schema("prompt"),
            capability.parameter_schema("n"),
        )
        seen.setdefault(
            capability.group,
            {
                "models": capability.group,
                "prompt": f"{prompt['minLength']} to {prompt['maxLength']} characters",
                "n": f"{n['minimum']} to {n['maximum']}",
                "images": f"{images['minimum']} to {images['maximum']}",
                "each": f"less than {images['bytes'] // 1024**2} MB",
                "types": ", ".join(images["types"]),
                "modes": ", ".join(images["modes"]),
            },
        )
    return list(seen.values())


def pictures() -> Rows:
    """What becomes of the kinds of pictures that people send, by group of models."""
    return [
        {
            "picture": row["kind"],
            "gpt-image": row["gpt-image"],
            "dall-e-2": row["dall-e-2"],
            "confidence": row["confidence"],
            "relaxed by": row.get("accept", ""),
        }
        for row in data_files.contract("pictures.yaml")["pictures"]
    ]


def rules() -> Rows:
    """What the verdict on a client finds, in the order of contracts/verdict.yaml."""
    return [{"finding": rule["id"], "severity": rule["severity"], "meaning": rule["about"]} for rule in verdict.rules()]


def text(rows: Rows, width: int | None = None) -> str:
    """Rows as aligned columns with a heading; where a width is given, what has no room stands below its row."""
    grid = _grid(rows)
    wide = [max(len(line[column]) for line in grid) for column in range(len(grid[0]))]
    room = [number for number in range(len(wide)) if width is None or sum(wide[: number + 1]) + 2 * number <= width]
    kept = max(len(room), 1)
    below = textwrap.TextWrapper(width or 1, INDENT, INDENT, break_on_hyphens=False)
    lines = []
    for number, line in enumerate(grid):
        lines.append("  ".join(cell.ljust(w) for cell, w in zip(line[:kept], wide, strict=False)).rstrip())
        rest = [f"{name}: {cell}" for name, cell in zip(grid[0][kept:], line[kept:], strict=True) if number and cell]
        lines += below.wrap("; ".join(rest))
    return "\n".join(lines)


def markdown(rows: Rows) -> str:
    """Rows as a Markdown table."""
    grid = [[cell.replace("|", "\\|") for cell in line] for line in _grid(rows)]
    grid.insert(1, ["---"] * len(grid[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in grid)


def _grid(rows: Rows) -> list[Sequence[str]]:
    return [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]


def _cell(value: Value) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number:g}" for name, number in value.items())
    return "" if value is None else str(value)
