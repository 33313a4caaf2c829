"""A run on paper: judged before anything is printed, kept in a folder, printed, rehearsed, scored from photos."""
