"""Fuzzing of clients: drawn calls in, hostile and legal answers out, and each finding as a scenario that replays it."""
