"""The report as one offline HTML file."""

from benchmarks.report.html.page import render

__all__ = ["render"]
