"""A server's counts in Prometheus' format, put together when somebody asks. Counts nothing itself."""

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


class Counts(Collector):
    """The counts of one server, as Prometheus' library takes them."""

    def __init__(self, stats: RequestStats, sizes: Sizes) -> None:
        self.stats, self.sizes = stats, sizes

    def collect(self) -> Iterator[Metric]:
        """All that there is to tell, as it is now."""
        tally = self.stats
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
        yield CounterMetricFamily("mockserver_journal_dropped", "Entries that had to go.", value=self.sizes.dropped)
        for name, words, value in self._sizes():
            yield GaugeMetricFamily(f"mockserver_{name}", words, value=value)

    def _sizes(self) -> Iterator[tuple[str, str, float]]:
        sizes, stats = self.sizes, self.stats
        yield "journal_entries", "Entries of the journal.", sizes.entries
        yield "sessions", "Sessions whose place is known.", sizes.sessions
        yield "files", "Uploaded files.", sizes.uploads
        yield "files_bytes", "Bytes of uploaded files.", sizes.upload_bytes
        yield "pictures_bytes", "Bytes of pictures received and sent.", sizes.image_bytes
        yield "answers_open", "Answers under way.", stats.answers
        yield "streams_open", "Streams under way.", stats.streams


def exposition(stats: RequestStats, sizes: Sizes) -> bytes:
    """The text of a scrape. Each has a registry of its own, so that nothing is shared between servers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Counts(stats, sizes))
    return generate_latest(registry)
