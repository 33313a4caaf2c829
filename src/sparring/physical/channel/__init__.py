"""The channel from a picture to what a camera makes of its print; differentiable."""
