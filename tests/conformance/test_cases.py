"""The conformance cases against our own server, by every way in; and the cases as data: whole, dated, sourced."""

import asyncio
import functools
import http.client
import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from jsonschema import Draft202012Validator

from mockserver.contract import catalogue
from mockserver.contract.asof import as_of
from mockserver.core import data_files
from mockserver.engine.values import Settings
from mockserver.harness.conformance.cases import Call, Case, Reply, build, load
from mockserver.harness.conformance.compare import compare
from mockserver.harness.conformance.in_process import replied
from mockserver.scenario import machine
from mockserver.server.app import create_app
from mockserver.server.uvicorn_server import Running, running
from mockserver.state.sessions import Memory, Server

KEY = "sk-conformance-0123456789"


def settings(label: str) -> Settings:
    return Settings(as_of(label), "exact", frozenset({KEY}), "flat")


def labels(case: Case) -> list[str]:
    return [*(["any"] if case.any else []), case.label()]


def edges(case: Case) -> list[str]:
    """The first and the last day of a case, where it has them."""
    last = [case.last()] if case.until else []
    return sorted({*([str(case.since)] if case.since else []), *last} - {*labels(case)})


@functools.cache
def server(label: str) -> Server:
    scenario = machine.build({"scenario": "ok", "steps": [{"ok": {}}]})
    return Server(settings(label), Memory(scenario), clock=lambda: 1_795_000_000.0)


def told(case: Case, label: str) -> Call:
    """The call of a case; one that orders an error goes to a session of its own, which plays it."""
    call = build(case, KEY)
    if not case.orders:
        return call
    scenario = machine.build({"scenario": case.id, "steps": [{"error": case.orders}]})
    server(label).state.play(case.id, scenario)
    return Call(call.method, f"/__mock/s/{case.id}{call.path}", call.headers, call.body)


def in_memory(case: Case, label: str) -> Reply:
    return replied(case, build(case, KEY), settings(label))


def over_asgi(case: Case, label: str) -> Reply:
    call = told(case, label)

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=create_app(server(label)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
            return await client.request(call.method, call.path, headers=list(call.headers), content=call.body)

    response = asyncio.run(ask())
    return response.status_code, tuple(response.headers.multi_items()), response.content


@pytest.fixture(scope="module")
def started() -> Iterator[Callable[[str], Running]]:
    """One server over HTTP per label, for all cases."""
    servers: dict[str, Any] = {}

    def start(label: str) -> Running:
        if label not in servers:
            servers[label] = running(server(label))
            servers[label] = (servers[label], servers[label].__enter__())
        found: Running = servers[label][1]
        return found

    yield start
    for context, _ in servers.values():
        context.__exit__(None, None, None)


def over_http(case: Case, root: str, label: str) -> Reply:
    call = told(case, label)
    connection = http.client.HTTPConnection(urlsplit(root).netloc, timeout=30)
    try:
        connection.request(call.method, call.path, call.body or None, dict(call.headers))
        response = connection.getresponse()
        return response.status, tuple((k.lower(), v) for k, v in response.getheaders()), response.read()
    finally:
        connection.close()


def params() -> list[Any]:
    return [pytest.param(case, id=case.id) for case in load()]


def hold(case: Case, ask: Callable[[str], Reply], days: list[str]) -> None:
    found = {day: [str(one) for one in compare(case, *ask(day))] for day in days}
    assert {day: some for day, some in found.items() if some} == {}


@pytest.mark.parametrize("case", params())
def test_in_memory(case: Case) -> None:
    hold(case, lambda label: in_memory(case, label), [*labels(case), *edges(case)])


@pytest.mark.parametrize("case", params())
def test_over_asgi(case: Case) -> None:
    hold(case, lambda label: over_asgi(case, label), labels(case))


@pytest.mark.parametrize("case", params())
def test_over_http(case: Case, started: Callable[[str], Running]) -> None:
    hold(case, lambda label: over_http(case, started(label).url, label), labels(case))


def test_every_row_has_a_case() -> None:
    rows = {row.id for row in catalogue.rows()}
    covered = {name for case in load() for name in case.covers}
    assert covered - rows == set()
    assert rows - covered == set()


def test_ids_are_unique() -> None:
    names = [case.id for case in load()]
    assert len(names) == len(set(names))


def test_dates_agree_with_the_rows() -> None:
    rows = {row.id: row for row in catalogue.rows()}
    for case in load():
        for row in (rows[name] for name in case.covers):
            days = as_of(case.label())
            assert days.holds(row.since, row.until), (case.id, row.id)
            assert case.orders is None or case.orders == row.family, case.id


@pytest.mark.parametrize("name", list(data_files.names("contracts/cases", ".yaml")))
def test_files_satisfy_their_schema(name: str) -> None:
    text = data_files.folder("contracts").joinpath("cases", f"{name}.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=../schemas/case.json\n")
    data = json.loads(json.dumps(data_files.contract(f"cases/{name}.yaml"), default=date.isoformat))
    Draft202012Validator.check_schema(data_files.contract("schemas/case.json"))
    Draft202012Validator(data_files.contract("schemas/case.json")).validate(data)


def test_refusals_are_refused() -> None:
    for case in load():
        assert case.served or case.expect["status"] >= 400, case.id
        assert case.served or "error" in case.expect or "body" in case.expect, case.id
