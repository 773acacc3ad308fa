"""Bytes and values: requests, plans, multipart and server-sent events. Knows nothing of images or models."""
