"""The HTML report: one file without scripts or external resources. Everything that clients sent is escaped."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from mockserver.journal.report.facts import Facts, number, summary

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --warn: #8a5a00; --good: #1b6e3c; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffcc66; --good: #7bd88f; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; } .bad, .error, .refused { color: var(--bad); } .good, .served { color: var(--good); }
.warning, .faulted { color: var(--warn); } .bad, .good, .error, .warning { font-weight: 600; }
details { border-bottom: 1px solid var(--line); padding: .3rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: .3rem; font-size: .85rem; }
""".strip()
HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>mockserver: {title}</title>
<style>
{style}
</style>
</head>
<body>
"""
# The columns of the ledger: heading and key.
LEDGER = (
    ("requests", "requests"),
    ("billed", "billed"),
    ("wasted", "wasted_calls"),
    ("tokens", "total_tokens"),
    ("$", "cost"),
    ("$ wasted", "wasted"),
)
MONEY = ("cost", "wasted")
# What the page calls the outcomes of the journal.
OUTCOMES = {"served": "served", "refused": "rejected", "faulted": "faulted"}


def page(run: Facts) -> str:
    verdict, total = run["verdict"]["verdict"], run["ledger"]["total"]
    title = f"{run['scenario']}, verdict {verdict}"
    return "\n".join(
        (
            HEAD.format(title=escape(title), style=STYLE),
            f"<h1>Verdict: {_mark(verdict, verdict)}</h1>",
            f"<p>{escape(next(iter(summary(run))))}.</p>",
            _about(run),
            "<h2>Findings</h2>",
            _findings(run),
            "<h2>Ledger</h2>",
            _ledger([*run["ledger"]["models"], {"model": "all", "endpoint": "", **total}]),
            "<h2>Journal</h2>",
            *(_entry(entry) for entry in run["journal"]["entries"]),
            "</body>\n</html>\n",
        )
    )


def _mark(kind: str, text: str) -> str:
    return f'<span class="{escape(kind)}">{escape(text)}</span>'


def _about(run: Facts) -> str:
    rows = {
        "version": run["version"],
        "scenario": run["scenario"],
        "as of": run["as_of"],
        "command": " ".join(run["command"] or ()),
        "exit status": "" if run["status"] is None else run["status"],
        "failed on": "; ".join(f"{one['condition']}: {one['why']}" for one in run["fail_on"] if one["why"]),
    }
    return _table((), ((name, str(value)) for name, value in rows.items() if value != ""))


def _findings(run: Facts) -> str:
    rows = [
        (_mark(one["severity"], one["severity"]), one["rule"], one["text"], one["mend"], _links(one["entries"]))
        for one in run["verdict"]["findings"]
    ]
    return _table(("", "rule", "finding", "how to fix it", "entries"), rows, raw=(0, 4)) if rows else "<p>None.</p>"


def _links(ids: Iterable[str]) -> str:
    return ", ".join(f'<a href="#{escape(one)}">{escape(one)}</a>' for one in ids)


def _ledger(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = [
        (row["model"], row["endpoint"], *(f"{row[key]:.4f}" if key in MONEY else str(row[key]) for _, key in LEDGER))
        for row in rows
    ]
    heads = ("model", "endpoint", *(head for head, _ in LEDGER))
    return _table(heads, lines, numbers=range(2, len(heads)))


def _table(
    heads: Iterable[str], rows: Iterable[Iterable[str]], raw: Iterable[int] = (), numbers: Iterable[int] = ()
) -> str:
    """A table. Columns in `raw` are HTML already; columns in `numbers` are aligned to the right."""
    html, right = frozenset(raw), frozenset(numbers)

    def cell(tag: str, column: int, text: str) -> str:
        content = text if column in html else escape(text)
        return f"<{tag}{' class=n' if column in right else ''}>{content}</{tag}>"

    lines = ["".join(cell("th", column, text) for column, text in enumerate(heads))]
    lines += ["".join(cell("td", column, text) for column, text in enumerate(row)) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines if line)
    return f'<div class="scroll"><table>\n{body}\n</table></div>'


def _entry(entry: Mapping[str, Any]) -> str:
    request, response = entry["request"], entry["answer"]
    model = entry["job"]["model"] if entry["job"] else ""
    parts = (entry["id"], request["method"], request["path"], model, str(response["status"]), response["code"] or "")
    line = escape(" ".join(filter(None, parts)))
    attempt = f", attempt {entry['attempt']}" if entry["attempt"] > 1 else ""
    sent = escape(f"{attempt}, {number(response['sent_bytes'], 'byte')} sent")
    data = escape(json.dumps(entry, indent=2, ensure_ascii=False))
    return (
        f'<details id="{escape(entry["id"])}"><summary>{_mark(response["outcome"], OUTCOMES[response["outcome"]])} '
        f"{line}{sent}</summary><pre>{data}</pre></details>"
    )
