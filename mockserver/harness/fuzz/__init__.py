"""Fuzzing of clients: generated calls, legal and hostile responses, and a scenario that replays each finding."""
