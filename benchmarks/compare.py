"""What a change costs: two checkouts serve the same edits in turn, and the CPU time of a request is compared.

`python -m benchmarks.compare BASE CHANGED [--only tiny] [--rounds 15]`. CPU time is the figure to compare on a machine
that has other work to do: requests a second then depend on what that work leaves.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from benchmarks.load import Load, free, mock, put, serving
from benchmarks.speed import Row, answer, bodies, table, uploads

STREAM = {"stream": "true", "partial_images": "3"}
# Options of the server, and fields of the form, beside the usual ones.
KINDS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "flat": (("--paint", "flat"), {}),
    "flat stream": (("--paint", "flat"), STREAM),
    "receipt": ((), {}),
    "noise": (("--paint", "noise"), {}),
}


def measure(trees: list[Path], body: bytes, arguments: argparse.Namespace, *options: str) -> list[list[Load]]:
    """The rounds of each tree; the first round of each, in which caches fill, is left out."""
    measured: list[list[Load]] = [[] for _ in trees]
    with ExitStack() as stack:
        ports = [free() for _ in trees]
        pids = [
            stack.enter_context(serving(mock(port, *options), port, "/__mock/health", folder=tree)).pid
            for tree, port in zip(trees, ports, strict=True)
        ]
        for port in ports:
            answer(port, body)
        for number in range(arguments.rounds + 1):
            # The tree that goes first in a round goes last in the next one.
            for one in (0, 1) if number % 2 else (1, 0):
                measured[one].append(put(ports[one], pids[one], body, arguments.connections, arguments.seconds))
    return [rounds[1:] for rounds in measured]


def row(name: str, measured: list[list[Load]]) -> Row:
    """Medians of a workload; the ratio is the median of the rounds' own ratios, beside the middle half of them."""
    base, changed = measured
    ratios = [after.cpu / before.cpu for before, after in zip(base, changed, strict=True)]
    low, middle, high = quantiles(ratios, n=4)
    return (
        name,
        *(f"{median(load.cpu for load in rounds):.0f}" for rounds in measured),
        f"{middle:.3f}",
        f"{low:.3f}-{high:.3f}",
        *(f"{median(load.rate for load in rounds):.0f}" for rounds in measured),
    )


def main() -> None:
    """Print a row for each workload whose name holds the word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", type=Path, nargs=2, metavar="CHECKOUT")
    parser.add_argument("--only", default="", help="a part of the names of the workloads to measure")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    rows: list[Row] = [("workload", "base, µs", "changed, µs", "ratio", "quartiles", "base, req/s", "changed, req/s")]
    for kind, (options, fields) in KINDS.items():
        for upload, image in uploads().items():
            for prompt, body in bodies(image, **fields).items():
                name = f"{kind}, {upload}, {prompt} prompt"
                if arguments.only in name:
                    rows.append(row(name, measure(arguments.trees, body, arguments, *options)))
    table(rows)


if __name__ == "__main__":
    main()
