"""All of them, one after the other: `python -m benchmarks`. Run it with nothing else on the machine."""

import runpy

for name in ("speed", "crowd", "costs"):
    print(f"# {name}\n", flush=True)
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    print(flush=True)
