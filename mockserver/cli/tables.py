"""Tables of the contract, as rows and as text or Markdown."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.contract import catalogue
from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, table
from mockserver.core import data_files
from mockserver.journal import verdict
from mockserver.scenario.faults.table import FAULTS

Value = str | int | None | Mapping[str, float]
Rows = list[dict[str, Value]]
INDENT = "    "


def models(as_of: AsOf) -> Rows:
    """The models that are served as of a date, newest last. `any` includes every model."""
    served = [
        row for row in table().values() if any(row.is_served(as_of, endpoint) for endpoint in row.row["endpoints"])
    ]
    return [_model_row(capability) for capability in served]


def _model_row(capability: Capability) -> dict[str, Value]:
    row, parameter = capability.row, capability.parameter_schema
    prices = row.get("prices") or {}
    labels = {"text_in": "text in", "image_in": "image in", "image_out": "image out", "text_out": "text out"}
    return {
        "model": capability.model,
        "endpoints": ", ".join(endpoint.removeprefix("images/") for endpoint in row["endpoints"]),
        "released": str(capability.released),
        "shut down": str(capability.shutdown) if capability.shutdown else None,
        "sizes": _format_enum(parameter("size")) or "WIDTHxHEIGHT, auto",
        "quality": _format_enum(parameter("quality")),
        "fidelity": None if "input-fidelity-model" in row["refusals"] else _format_enum(parameter("input_fidelity")),
        "formats": _format_enum(parameter("output_format")) or "png",
        "$ per million tokens": {labels[kind]: price for kind, price in prices.items()},
        "confidence": row["confidence"],
    }


def _format_enum(schema: Any) -> str | None:
    return ", ".join(schema.get("enum", ())) or None if isinstance(schema, Mapping) else None


def errors(as_of: AsOf) -> Rows:
    """The errors that the API is known or assumed to return as of a date, in the order of its checks."""
    current = [row for row in catalogue.rows() if row.provider == "openai" and as_of.holds(row.since, row.until)]
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
        for row in sorted(current, key=lambda row: row.stage)
    ]


def faults() -> Rows:
    """The faults that a scenario can request."""
    return [
        {
            "fault": row.name,
            "mark": row.mark,
            "on": row.on,
            "parameters": ", ".join(_format_parameter(name, schema) for name, schema in row.parameters.items()),
            "what happens": row.about,
        }
        for row in FAULTS.values()
    ]


def _format_parameter(name: str, schema: Mapping[str, Any]) -> str:
    values = " or ".join(map(str, schema.get("enum", ())))
    default = f" ({schema['default']})" if "default" in schema else ""
    return f"{name}{default}" if not values else f"{name}: {values}{default}"


def limits() -> Rows:
    """The limits of each group of models."""
    rows: dict[str, dict[str, Value]] = {}
    for capability in table().values():
        images, prompt, n = (
            capability.row["images"],
            capability.parameter_schema("prompt"),
            capability.parameter_schema("n"),
        )
        rows.setdefault(
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
    return list(rows.values())


def pictures() -> Rows:
    """Which kinds of images each group of models accepts."""
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
    """The findings of the verdict, in the order of contracts/verdict.yaml."""
    return [{"finding": rule["id"], "severity": rule["severity"], "meaning": rule["about"]} for rule in verdict.rules()]


def format_text(rows: Rows, width: int | None = None) -> str:
    """Rows as aligned columns with a heading. Columns that exceed `width` follow their row, indented."""
    grid = _grid(rows)
    widths = [max(len(line[column]) for line in grid) for column in range(len(grid[0]))]
    fitting = [
        number for number in range(len(widths)) if width is None or sum(widths[: number + 1]) + 2 * number <= width
    ]
    columns = max(len(fitting), 1)
    wrapper = textwrap.TextWrapper(width or 1, INDENT, INDENT, break_on_hyphens=False)
    lines = []
    for number, line in enumerate(grid):
        lines.append("  ".join(cell.ljust(w) for cell, w in zip(line[:columns], widths, strict=False)).rstrip())
        rest = [
            f"{name}: {cell}" for name, cell in zip(grid[0][columns:], line[columns:], strict=True) if number and cell
        ]
        lines += wrapper.wrap("; ".join(rest))
    return "\n".join(lines)


def format_markdown(rows: Rows) -> str:
    grid = [[cell.replace("|", "\\|") for cell in line] for line in _grid(rows)]
    grid.insert(1, ["---"] * len(grid[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in grid)


def _grid(rows: Rows) -> list[Sequence[str]]:
    return [list(rows[0]), *([_format_cell(value) for value in row.values()] for row in rows)]


def _format_cell(value: Value) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number:g}" for name, number in value.items())
    return "" if value is None else str(value)
