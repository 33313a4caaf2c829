"""Speed-ups: other ways to compute what the model computes, one file each.

The model itself decides what counts; these only propose. `prepared` takes what pays on the real inputs.
"""

from sparring.execution.prepared_model import PLAIN, Prepared, prepared

__all__ = ["PLAIN", "Prepared", "prepared"]
