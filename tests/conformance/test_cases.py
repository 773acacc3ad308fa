"""The conformance cases in memory, over ASGI and over HTTP; and the cases as data."""

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
from mockserver.harness.conformance.cases import Call, Case, Reply, build_call, load
from mockserver.harness.conformance.compare import compare
from mockserver.harness.conformance.in_process import respond_to
from mockserver.scenario import machine
from mockserver.server.app import create_app
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore

KEY = "sk-conformance-0123456789"


def build_settings(label: str) -> Settings:
    return Settings(as_of(label), "exact", frozenset({KEY}), "flat")


def labels(case: Case) -> list[str]:
    return [*(["any"] if case.any else []), case.label]


def edges(case: Case) -> list[str]:
    """The first and the last date of a case, if it has them and `labels` does not list them."""
    last = [case.last_day] if case.until else []
    return sorted({*([str(case.since)] if case.since else []), *last} - {*labels(case)})


@functools.cache
def build_server(label: str) -> MemoryState:
    scenario = machine.build({"scenario": "ok", "steps": [{"ok": {}}]})
    return MemoryState(build_settings(label), SessionStore(scenario), clock=lambda: 1_795_000_000.0)


def prepare_call(case: Case, label: str) -> Call:
    """The call of a case. If it orders an error, a session of its own gets a scenario with that error."""
    call = build_call(case, KEY)
    if not case.orders:
        return call
    scenario = machine.build({"scenario": case.id, "steps": [{"error": case.orders}]})
    build_server(label).sessions.play(case.id, scenario)
    return Call(call.method, f"/__mock/s/{case.id}{call.path}", call.headers, call.body)


def call_in_memory(case: Case, label: str) -> Reply:
    return respond_to(case, build_call(case, KEY), build_settings(label))


def call_over_asgi(case: Case, label: str) -> Reply:
    call = prepare_call(case, label)

    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=create_app(build_server(label)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
            return await client.request(call.method, call.path, headers=list(call.headers), content=call.body)

    response = asyncio.run(send())
    return response.status_code, tuple(response.headers.multi_items()), response.content


@pytest.fixture(scope="module")
def start_server() -> Iterator[Callable[[str], BackgroundServer]]:
    """Starts one server per as-of label for all cases."""
    servers: dict[str, Any] = {}

    def start(label: str) -> BackgroundServer:
        if label not in servers:
            servers[label] = serve_in_thread(build_server(label))
            servers[label] = (servers[label], servers[label].__enter__())
        server: BackgroundServer = servers[label][1]
        return server

    yield start
    for context, _ in servers.values():
        context.__exit__(None, None, None)


def call_over_http(case: Case, root: str, label: str) -> Reply:
    call = prepare_call(case, label)
    connection = http.client.HTTPConnection(urlsplit(root).netloc, timeout=30)
    try:
        connection.request(call.method, call.path, call.body or None, dict(call.headers))
        response = connection.getresponse()
        return response.status, tuple((k.lower(), v) for k, v in response.getheaders()), response.read()
    finally:
        connection.close()


def case_params() -> list[Any]:
    return [pytest.param(case, id=case.id) for case in load()]


def assert_holds(case: Case, send: Callable[[str], Reply], days: list[str]) -> None:
    differences = {day: list(map(str, compare(case, *send(day)))) for day in days}
    assert {day: lines for day, lines in differences.items() if lines} == {}


@pytest.mark.parametrize("case", case_params())
def test_in_memory(case: Case) -> None:
    assert_holds(case, lambda label: call_in_memory(case, label), [*labels(case), *edges(case)])


@pytest.mark.parametrize("case", case_params())
def test_over_asgi(case: Case) -> None:
    assert_holds(case, lambda label: call_over_asgi(case, label), labels(case))


@pytest.mark.parametrize("case", case_params())
def test_over_http(case: Case, start_server: Callable[[str], BackgroundServer]) -> None:
    assert_holds(case, lambda label: call_over_http(case, start_server(label).url, label), labels(case))


def test_every_row_has_a_case() -> None:
    rows = {row.id for row in catalogue.rows()}
    covered = {name for case in load() for name in case.covers}
    assert covered - rows == set()
    assert rows - covered == set()


def test_ids_are_unique() -> None:
    names = [case.id for case in load()]
    assert len(names) == len(set(names))


def test_cases_agree_with_the_catalogue() -> None:
    rows = {row.id: row for row in catalogue.rows()}
    for case in load():
        for row in (rows[name] for name in case.covers):
            day = as_of(case.label)
            assert day.holds(row.since, row.until), (case.id, row.id)
            assert case.orders is None or case.orders == row.family, case.id


@pytest.mark.parametrize("name", list(data_files.names("contracts/cases", ".yaml")))
def test_files_satisfy_their_schema(name: str) -> None:
    text = data_files.folder("contracts").joinpath("cases", f"{name}.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=../schemas/case.json\n")
    data = json.loads(json.dumps(data_files.contract(f"cases/{name}.yaml"), default=date.isoformat))
    Draft202012Validator.check_schema(data_files.contract("schemas/case.json"))
    Draft202012Validator(data_files.contract("schemas/case.json")).validate(data)


def test_errors_are_specified() -> None:
    for case in load():
        assert case.is_served or case.expect["status"] >= 400, case.id
        assert case.is_served or "error" in case.expect or "body" in case.expect, case.id
