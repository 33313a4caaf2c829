"""Pages and tables of the other rooms: transfer, poison, paper, training, detection, side by side."""
