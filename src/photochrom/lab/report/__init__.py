"""The report: tables, figures and conclusions from the folders of finished runs."""

from photochrom.lab.report._page import write_report

__all__ = ["write_report"]
