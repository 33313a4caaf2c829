"""Sheets in true millimetres: laid out, written as PDF, found again in photos, and what a printer does to colours."""
