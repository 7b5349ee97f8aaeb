"""The commands: one module each, with what it shows on the terminal."""

from photochrom.commands._terminal import one_line_failures, print_table, say, usage_failure, warn

__all__ = ["one_line_failures", "print_table", "say", "usage_failure", "warn"]
