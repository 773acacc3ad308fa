"""Who may ask /__mock: no page of another origin, and beyond loopback only who knows the token."""

import http.client
import json

import pytest

from mockserver.server.admin.auth import loopback
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from tests.support.client import MockClient


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.5", False),
        ("localhost.evil.test", False),
        ("evil.test", False),
        ("", False),
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert loopback(host) == local


def ask(port: int, headers: dict[str, str], path: str = "/__mock/journal", method: str = "GET") -> tuple[int, str]:
    """Status, and the detail of a refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    refused = answer.headers.get("content-type") == "application/problem+json"
    return answer.status, json.loads(body)["detail"] if refused else ""


FOREIGN = "the request comes from a page of http://evil.test; only pages of this server's origin may use /__mock"


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({}, 200, ""),
        ({"Host": "localhost:{port}"}, 200, ""),
        ({"Host": "localhost"}, 200, ""),
        ({"Host": "[::1]:{port}"}, 200, ""),
        ({"Host": "localhost:{port}", "Origin": "http://LOCALHOST:{port}"}, 200, ""),
        ({"Origin": "http://evil.test"}, 403, FOREIGN),
        ({"Origin": "null"}, 403, FOREIGN.replace("http://evil.test", "null")),
        ({"Origin": "http://127.0.0.1:1"}, 403, FOREIGN.replace("http://evil.test", "http://127.0.0.1:1")),
        (
            {"Host": "evil.test:{port}", "Origin": "http://evil.test:{port}"},
            403,
            "the host evil.test:{port} is not this server: expected localhost, or the address that it was bound to",
        ),
        ({"Host": "192.168.1.5"}, 403, "the host 192.168.1.5 is not this server: "),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_origins(method: str, headers: dict[str, str], status: int, said: str) -> None:
    with serve_in_thread() as started:
        port = int(started.url.rpartition(":")[2])
        told = {name: value.format(port=port) for name, value in headers.items()}
        found, detail = ask(port, told, method=method)
        assert found == (204 if (method, status) == ("DELETE", 200) else status)
        assert detail.startswith(said.format(port=port))


def test_api_is_open_to_pages() -> None:
    """The API itself is asked by pages, as the real one is; only what lies below /__mock is not."""
    with serve_in_thread() as started:
        port = int(started.url.rpartition(":")[2])
        page = {"Host": "evil.test", "Origin": "http://evil.test", "Authorization": "Bearer x"}
        assert ask(port, page, "/v1/models") == (200, "")
        assert ask(port, page, "/__mock/s/me/v1/models") == (200, "")


def test_mounted() -> None:
    """Without a socket nobody knows what was bound; the origin counts all the same."""
    talk = MockClient()
    assert talk.request("GET", "/__mock/journal").status_code == 200
    assert talk.request("GET", "/__mock/health", headers={"Origin": "http://test"}).status_code == 200
    talk.server.hosts = frozenset({"127.0.0.1"})
    assert talk.request("GET", "/__mock/health", headers={"Host": "evil.test"}).status_code == 403
    # Browsers always name one; HTTP/1.0 does not.
    assert talk.request("GET", "/__mock/health", headers={"Host": ""}).status_code == 200
    talk.server.hosts = None
    assert talk.request("GET", "/__mock/health", headers={"Origin": "http://evil.test"}).status_code == 403


ASKED = "the server's token is missing: send X-Mockserver-Token, or Authorization: Bearer"


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"X-Mockserver-Token": "{token}"}, "/__mock/journal", 200),
        ({"Authorization": "Bearer {token}"}, "/__mock/journal", 200),
        ({"Host": "mockserver:4010", "Authorization": "Bearer {token}"}, "/__mock/journal", 200),
        ({"Host": "mockserver:4010"}, "/__mock/health", 200),
        ({}, "/__mock/sample.png", 200),
        ({}, "/__mock/openapi.json", 200),
        ({}, "/__mock/journal", 401),
        ({"X-Mockserver-Token": "wrong"}, "/__mock/journal", 401),
        ({"Authorization": "Bearer é"}, "/__mock/journal", 401),
        ({"Authorization": "Bearer x"}, "/v1/models", 200),
    ],
    ids=str,
)
def test_token(headers: dict[str, str], path: str, status: int) -> None:
    """Beyond loopback a token is made up, and asked for where something is told of others."""
    with serve_in_thread(host="0.0.0.0") as started:
        assert started.url.startswith("http://127.0.0.1:")
        token = started.server.token or ""
        assert len(token) > 20
        told = {name: value.format(token=token) for name, value in headers.items()}
        found = ask(int(started.url.rpartition(":")[2]), told, path)
        assert found == (status, ASKED if status == 401 else "")


def test_token_of_ones_own() -> None:
    with serve_in_thread(MemoryState(token="mine")) as started:
        port = int(started.url.rpartition(":")[2])
        assert ask(port, {})[0] == 401
        assert ask(port, {"X-Mockserver-Token": "mine"})[0] == 200
        assert ask(port, {"X-Mockserver-Token": "mine", "Origin": "http://evil.test"})[0] == 403


def test_bound_by_name() -> None:
    """The name that the server was bound by is its own."""
    with serve_in_thread() as started:
        started.server.hosts = frozenset({"mock.test", "127.0.0.1"})
        port = int(started.url.rpartition(":")[2])
        assert ask(port, {"Host": f"Mock.test:{port}"})[0] == 200
