import difflib
from collections.abc import Collection, Iterable


def suggest_name(name: object, known: Iterable[object]) -> str:
    """` (did you mean 'that'?)` for the known name most similar to `name`, or an empty string."""
    texts = [candidate for candidate in known if isinstance(candidate, str)]
    matches = difflib.get_close_matches(name, texts, 1) if isinstance(name, str) else ()
    return "".join(f" (did you mean {match!r}?)" for match in matches)


def describe_unknown(name: str, known: Collection[str]) -> str:
    return f"{name!r} is unknown{suggest_name(name, known)}; expected one of {', '.join(known)}"
