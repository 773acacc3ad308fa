"""Runs the command line on a uvicorn in which a private name is renamed: `renamed_uvicorn.py NAME [ARGUMENTS]`."""

import re
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from typing import Any


def rename(name: str, source: str) -> str:
    """The source of a uvicorn module after its maintainers have renamed a class, a method or an attribute."""
    if name[0].isupper():
        return re.sub(rf"\b{name}\b", f"{name}Renamed", source)
    # What asyncio names is not uvicorn's to rename.
    return re.sub(rf"((?<!_transport)\.|\bdef ){name}\b", rf"\1{name}_renamed", source)


class RenamedLoader(SourceFileLoader):
    """Compiles a module from its changed source."""

    renamed = ""

    def get_code(self, fullname: str) -> Any:
        return compile(rename(self.renamed, self.get_source(fullname) or ""), self.path, "exec")


class RenamedUvicorn(MetaPathFinder):
    """Finds the modules of uvicorn."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname.startswith("uvicorn") else None
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = RenamedLoader(fullname, spec.loader.path)
        return spec


if __name__ == "__main__":
    RenamedLoader.renamed = sys.argv.pop(1)
    sys.meta_path.insert(0, RenamedUvicorn())
    from mockserver.cli.main import main

    main()
