"""How often Python looks for garbage in cycles. Knows nothing of what is kept."""

import gc

# Objects that are new since the last look. Hundreds of answers under way, and all that is imported, are no garbage.
NEW = 100_000


def rarely() -> None:
    """Look for garbage only when many objects are new: each look goes through all of them."""
    gc.set_threshold(NEW, *gc.get_threshold()[1:])
