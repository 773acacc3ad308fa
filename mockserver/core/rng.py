"""Deterministic random draws: hashes of the seed, the session and the position."""

import hashlib


def draw_int(seed: int, session: str, position: int, what: str) -> int:
    return int.from_bytes(draw_digest(seed, session, position, what, 8).digest(), "big")


def draw_digest(seed: int, session: str, position: int, what: str, size: int) -> hashlib.blake2b:
    return hashlib.blake2b(f"{seed}/{session}/{position}/{what}".encode(), digest_size=size)
