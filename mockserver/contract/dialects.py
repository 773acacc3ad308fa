"""How compatible servers differ from the API. Read from contracts/dialects.yaml."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from mockserver.contract.capabilities import merge
from mockserver.contract.catalogue import Row
from mockserver.core import data_files


@cache
def find_dialect(name: str) -> Mapping[str, Any]:
    row: dict[str, Any] = table()[name]
    return merge(find_dialect(row["like"]), row) if "like" in row else row


def table() -> Mapping[str, Any]:
    rows: Mapping[str, Any] = data_files.contract("dialects.yaml")["dialects"]
    return rows


def apply_dialect(row: Row, name: str) -> Row:
    changes: Mapping[str, str] = find_dialect(name).get("error", {})
    if not changes or row.message is None:
        return row
    texts = {"{message}": row.message, "{type}": row.type or "error"}
    values: dict[str, Any] = {}
    for key, template in changes.items():
        values[key] = template
        for mark, text in texts.items():
            values[key] = values[key].replace(mark, text)
    return replace(row, **values)
