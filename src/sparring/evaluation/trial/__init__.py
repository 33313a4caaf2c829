"""The trial: kinds of attack held against each other on a few samples, and what a knowing attacker adds."""
