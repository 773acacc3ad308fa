"""Numbers as people write them into options and settings."""


def is_plain_number(text: str) -> bool:
    """Is it spelled as a number would be: in ASCII, without the blanks and underscores that Python passes by?"""
    return text.isascii() and text == text.strip() and "_" not in text
