"""Checks of image files without a server: the API's verdict on each file, and a line of Python that fixes it."""
