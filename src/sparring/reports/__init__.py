"""A run in a reader's hands: for the terminal and as one HTML file."""

from sparring.reports.comparison import render_comparison
from sparring.reports.html import render_html, save_html
from sparring.reports.terminal import summary

__all__ = ["render_comparison", "render_html", "save_html", "summary"]
