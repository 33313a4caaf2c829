"""Faults that change nothing anybody could notice, judged by hand: the reason for each name."""

EQUIVALENT = {
    "threat/l1.py sample: sizes = allowed([-torch.log1p(-draws.uniform(inputs)) * draws.signs(inputs, draw=1) -> "
    "(-torch.log1p(-draws.uniform(inputs)) / draws.signs(inputs, draw=1))], self.mask)": (
        "the signs are 1 and -1: to divide by them is to multiply by them, to the last bit"
    ),
}
