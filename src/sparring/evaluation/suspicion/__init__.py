"""Suspicion: signs that the search was misled, and the findings that tell the reader."""
