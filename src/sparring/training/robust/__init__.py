"""Objectives that learn from attacks: each paper's in a file, and the attack inside them."""
