"""A server's counts in Prometheus' format, put together when somebody asks. Counts nothing itself."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mockserver.journal.stats import BUCKETS
from mockserver.state.server_state import ServerState

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
LABELS = ("endpoint", "status", "family")


class Counts(Collector):
    """The counts of one server, as Prometheus' library takes them."""

    def __init__(self, server: ServerState) -> None:
        self.server = server

    def collect(self) -> Iterator[Metric]:
        """All that there is to tell, as it is now."""
        tally, journal = self.server.stats, self.server.journal
        requests = CounterMetricFamily("mockserver_requests", "Requests answered, by how.", labels=LABELS)
        for labels, count in sorted(tally.requests.items()):
            requests.add_metric(labels, count)
        yield requests
        ends = [*map(str, BUCKETS), "+Inf"]
        yield HistogramMetricFamily(
            "mockserver_request_seconds",
            "From the beginning of a request until its answer was decided; ordered latency is not in it.",
            buckets=list(zip(ends, accumulate(tally.taken), strict=True)),
            sum_value=tally.seconds,
        )
        yield CounterMetricFamily("mockserver_journal_dropped", "Entries that had to go.", value=journal.dropped)
        for name, words, value in self._sizes():
            yield GaugeMetricFamily(f"mockserver_{name}", words, value=value)

    def _sizes(self) -> Iterator[tuple[str, str, float]]:
        server = self.server
        count, size = server.uploads.held()
        yield "journal_entries", "Entries of the journal.", len(server.journal.noted())
        yield "sessions", "Sessions whose place is known.", server.sessions.count()
        yield "files", "Uploaded files.", count
        yield "files_bytes", "Bytes of uploaded files.", size
        yield "pictures_bytes", "Bytes of pictures received and sent.", server.journal.pictures.weight
        yield "answers_open", "Answers under way.", server.stats.answers
        yield "streams_open", "Streams under way.", server.stats.streams


def exposition(server: ServerState) -> bytes:
    """The text of a scrape. Each has a registry of its own, so that nothing is shared between servers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Counts(server))
    return generate_latest(registry)
