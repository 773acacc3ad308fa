"""Pixels: what an upload holds, and the pictures that answers carry. Knows nothing of HTTP."""
