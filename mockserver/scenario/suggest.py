"""What to say of a name that nobody knows: which is meant, perhaps, and which there are."""

import difflib
from collections.abc import Collection, Iterable


def suggest_name(name: object, known: Iterable[object]) -> str:
    """`, perhaps 'that' is meant`, of the name that is nearest; empty where none is near."""
    texts = [one for one in known if isinstance(one, str)]
    found = difflib.get_close_matches(name, texts, 1) if isinstance(name, str) else ()
    return "".join(f", perhaps {one!r} is meant" for one in found)


def describe_unknown(name: str, known: Collection[str]) -> str:
    """That it is none of those, with the nearest, if one is near, and all."""
    return f"{name!r} is unknown{suggest_name(name, known)}: expected one of {', '.join(known)}"
