"""A server's counts in Prometheus' text format."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mockserver.journal.stats import BUCKETS, RequestStats
from mockserver.state.server_state import Sizes

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
LABELS = ("endpoint", "status", "family")


class StatsCollector(Collector):
    """The counts of one server, as prometheus_client collects them."""

    def __init__(self, stats: RequestStats, sizes: Sizes) -> None:
        self.stats, self.sizes = stats, sizes

    def collect(self) -> Iterator[Metric]:
        stats = self.stats
        requests = CounterMetricFamily("mockserver_requests", "Requests by their response.", labels=LABELS)
        for labels, count in sorted(stats.requests.items()):
            requests.add_metric(labels, count)
        yield requests
        ends = [*map(str, BUCKETS), "+Inf"]
        yield HistogramMetricFamily(
            "mockserver_request_seconds",
            "Time until the response was decided, without the latency that a scenario requests.",
            buckets=list(zip(ends, accumulate(stats.taken), strict=True)),
            sum_value=stats.seconds,
        )
        yield CounterMetricFamily("mockserver_journal_dropped", "Evicted journal entries.", value=self.sizes.dropped)
        for name, text, value in self._gauges():
            yield GaugeMetricFamily(f"mockserver_{name}", text, value=value)

    def _gauges(self) -> Iterator[tuple[str, str, float]]:
        sizes, stats = self.sizes, self.stats
        yield "journal_entries", "Entries of the journal.", sizes.entries
        yield "sessions", "Sessions with a state.", sizes.sessions
        yield "files", "Uploaded files.", sizes.uploads
        yield "files_bytes", "Bytes of uploaded files.", sizes.upload_bytes
        yield "pictures_bytes", "Bytes of images received and sent.", sizes.image_bytes
        yield "answers_open", "Responses in progress.", stats.answers
        yield "streams_open", "Streams in progress.", stats.streams


def render_metrics(stats: RequestStats, sizes: Sizes) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatsCollector(stats, sizes))
    return generate_latest(registry)
