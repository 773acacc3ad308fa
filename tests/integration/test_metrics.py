"""Prometheus metrics: per server, without the latency that scenarios request."""

import re
import threading
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from mockserver.journal.stats import BUCKETS
from mockserver.server.uvicorn_server import serve_in_thread
from tests.server.test_protocol import Slow, server
from tests.support.attacks import edit, form, part, post
from tests.support.client import FORM, MockClient

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text("utf-8")


def parse_samples(text: str) -> dict[tuple[str, ...], float]:
    """Map the name and label values of each sample to its value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(client: MockClient) -> dict[tuple[str, ...], float]:
    response = client.request("GET", "/__mock/metrics")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return parse_samples(response.text)


def test_requests_are_counted_by_error_and_status() -> None:
    client = MockClient("{error: rate-input-images, times: 2}")
    for _ in range(3):
        client.edit()
    client.edit(data={"size": "1x1"})
    client.request("GET", "/v1/nowhere")
    found = {labels[1:]: value for labels, value in scrape(client).items() if labels[0] == "mockserver_requests_total"}
    assert found[("images/edits", "rate-input-images", "429")] == 2
    assert found[("images/edits", "", "200")] == 1
    assert sum(found.values()) == 5
    assert {status for _, _, status in found} == {"200", "400", "404", "429"}


def test_sizes() -> None:
    client = MockClient()
    empty = scrape(client)
    names = ("journal_entries", "sessions", "files", "files_bytes", "pictures_bytes", "answers_open")
    assert [empty[(f"mockserver_{name}",)] for name in names] == [0] * 6
    client.edit()
    client.server.journal.limit = 1
    file = {"data": {"purpose": "vision"}, "files": {"file": ("a.png", b"12345", "image/png")}}
    assert client.request("POST", "/v1/files", headers=FORM["headers"], **file).status_code == 200
    found = scrape(client)
    assert found[("mockserver_journal_entries",)] == 1
    assert found[("mockserver_journal_dropped_total",)] == 1
    assert found[("mockserver_sessions",)] == 1
    assert (found[("mockserver_files",)], found[("mockserver_files_bytes",)]) == (1, 5)
    assert found[("mockserver_pictures_bytes",)] == client.server.journal.pictures.weight > 0
    assert found[("mockserver_answers_open",)] == 0


def test_requested_latency_is_not_in_the_histogram() -> None:
    client = MockClient("{ok: {}, faults: [{latency: 30}]}")

    async def sleep(seconds: float) -> None:
        client.now += seconds

    client.server.sleep = sleep
    client.edit()
    found = scrape(client)
    assert found[("mockserver_request_seconds_sum",)] == 0
    assert found[("mockserver_request_seconds_bucket", str(BUCKETS[0]))] == 1
    assert client.now >= 30


@pytest.mark.parametrize(("seconds", "first"), [(0.0005, "0.0005"), (0.3, "0.5"), (10.0, "10.0"), (11.0, "+Inf")])
def test_buckets(seconds: float, first: str) -> None:
    client = MockClient()
    client.server.stats.note("images/edits", 200, "", seconds)
    found = {labels[1]: value for labels, value in scrape(client).items() if labels[0].endswith("_bucket")}
    assert next(end for end, count in found.items() if count) == first
    assert found["+Inf"] == 1


def test_response_without_a_status() -> None:
    client = MockClient()
    client.server.stats.note("images/edits", None, "", 0)
    assert scrape(client)[("mockserver_requests_total", "images/edits", "", "")] == 1


def test_servers_share_nothing() -> None:
    one, two = MockClient(), MockClient()
    one.edit()
    assert ("mockserver_requests_total", "images/edits", "", "200") not in scrape(two)
    assert ("mockserver_requests_total", "images/edits", "", "200") in scrape(one)
    assert not [family for family in REGISTRY.collect() if family.name.startswith("mockserver")]


def test_open_streams() -> None:
    with serve_in_thread(server("{ok: {}, faults: [{stall: start}], times: 2}")) as started:
        there = Slow(started)

        def counts() -> tuple[int, int]:
            return started.server.stats.answers, started.server.stats.streams

        with there.connect() as stream, there.connect() as plain:
            stream.sendall(post(form(part("stream", b"true"))))
            plain.sendall(edit())
            there.until(lambda: counts() == (2, 1))
        there.until(lambda: counts() == (0, 0))


def test_scrapes_while_requests_come() -> None:
    client = MockClient()
    threads = [threading.Thread(target=client.edit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        scrape(client)
    for thread in threads:
        thread.join()
    assert scrape(client)[("mockserver_request_seconds_count",)] == 4


def test_every_name_is_documented() -> None:
    client = MockClient()
    client.edit()
    text = client.request("GET", "/__mock/metrics").text
    exported = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    assert exported == dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", DOCUMENT, re.MULTILINE))
