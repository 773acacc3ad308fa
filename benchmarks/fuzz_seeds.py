"""Does fuzzing find each broken client of tests/fuzz/clients in a minute, and nothing on the right ones, by any seed?

`python -m benchmarks.fuzz_seeds [--seeds 20] [--jobs 2]` prints a line for each run; exit status 1 if one is wrong.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mockserver.harness.fuzz.client import build_client
from mockserver.harness.fuzz.engine import Limits, Run
from mockserver.harness.fuzz.executor import Executor
from mockserver.harness.fuzz.properties import select
from tests.fuzz.clients.broken import PROPERTIES

RIGHT: Sequence[str | list[str]] = (
    "tests.fuzz.clients.base:edit",
    "tests.fuzz.clients.other:edit",
    [sys.executable, "-m", "tests.fuzz.clients.lines"],
)
SECONDS = 60


def look(named: str | Sequence[str], seed: int, wanted: str | None) -> tuple[bool, str]:
    """One run, until the property that is wanted has failed; whether it came out as it should, and a line on it."""
    began = time.monotonic()
    executor = Executor(build_client(named), "gpt-image-1.5", "any")
    try:
        run = Run(executor, Limits(seed=seed, seconds=SECONDS))
        run.prepare()
        rows = select(None)
        for step in (run.sweep, run.draw):
            for row in rows:
                if wanted not in {one.row.id for one in run.findings}:
                    step(row)
    finally:
        executor.close()
    found = sorted({one.row.id for one in run.findings})
    good = wanted in found if wanted else not found
    name = named if isinstance(named, str) else named[-1]
    told = f"{name} seed {seed}: {wanted or 'nothing'} expected, {', '.join(found) or 'nothing'} found"
    for one in [] if good else run.findings:
        print("\n".join(one.format_lines(None)), flush=True)
    return good, f"{'good ' if good else 'WRONG'} {time.monotonic() - began:5.1f} s  {told}"


def main() -> None:
    """Run all and print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    runs = [(named, seed, None) for seed in range(given.seeds) for named in RIGHT]
    broken = [(f"tests.fuzz.clients.broken:edit_{kind.__name__}", 0, wanted) for kind, wanted in PROPERTIES.items()]
    wrong = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for good, line in pool.map(lambda one: look(*one), [*broken, *runs]):
            wrong += not good
            print(line, flush=True)
    print(f"{len(broken) + len(runs)} runs, {wrong} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
