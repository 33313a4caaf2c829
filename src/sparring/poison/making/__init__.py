"""Making poison: triggers, labels, samples that move, and the victims that learn from them."""
