def is_plain_number(text: str) -> bool:
    """True if a text has none of the spaces, underscores and non-ASCII digits that Python accepts in a number."""
    return text.isascii() and text == text.strip() and "_" not in text
