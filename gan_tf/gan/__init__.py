"""The algorithm: networks, losses, noise, the state and its step. No file, no path."""
