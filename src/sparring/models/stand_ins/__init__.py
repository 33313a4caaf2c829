"""Stand-ins: what is climbed in place of a model whose own gradients stop, lie or cost a search."""
