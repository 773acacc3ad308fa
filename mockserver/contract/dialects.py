"""Dialects: how compatible servers differ from the API. Reads contracts/dialects.yaml; names no dialect."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from mockserver.contract.capabilities import merge
from mockserver.contract.catalogue import Row
from mockserver.core import data_files


@cache
def find_dialect(name: str) -> Mapping[str, Any]:
    """One dialect's row with all that it inherits. Raises KeyError for an unknown name."""
    row: dict[str, Any] = table()[name]
    return merge(find_dialect(row["like"]), row) if "like" in row else row


def table() -> Mapping[str, Any]:
    """Every dialect's own row, by name."""
    found: Mapping[str, Any] = data_files.contract("dialects.yaml")["dialects"]
    return found


def apply_dialect(row: Row, name: str) -> Row:
    """A row of the catalogue as a dialect words it. One without a text stays as it is."""
    changes: Mapping[str, str] = find_dialect(name).get("error", {})
    if not changes or row.message is None:
        return row
    texts = {"{message}": row.message, "{type}": row.type or "error"}
    laid: dict[str, Any] = {}
    for key, template in changes.items():
        laid[key] = template
        for mark, text in texts.items():
            laid[key] = laid[key].replace(mark, text)
    return replace(row, **laid)
