"""Coloring over HTTP: an API, the page on it, and a client; nothing leaves the machine."""

__all__: list[str] = []
