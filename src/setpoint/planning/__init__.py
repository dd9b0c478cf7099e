"""Floor 1: what next? Pure functions over the model; nothing here can await, look or be lucky."""
