"""Parts that several attacks share: losses, starts, schedules, bases, walks."""
