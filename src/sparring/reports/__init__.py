"""A run in a reader's hands: for the terminal, as one HTML file, and for the tools of a CI system."""

from sparring.reports.ci.formats import FORMATS, write_reports
from sparring.reports.ci.junit import render_junit
from sparring.reports.ci.markdown import render_markdown
from sparring.reports.ci.mlflow_sink import log_to_mlflow
from sparring.reports.ci.sarif import render_sarif
from sparring.reports.comparison import render_comparison
from sparring.reports.examples import export_examples
from sparring.reports.html import render_html, save_html
from sparring.reports.terminal import summary

__all__ = [
    "FORMATS",
    "export_examples",
    "log_to_mlflow",
    "render_comparison",
    "render_html",
    "render_junit",
    "render_markdown",
    "render_sarif",
    "save_html",
    "summary",
    "write_reports",
]
