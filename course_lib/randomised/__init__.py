"""Low-rank and randomised methods for attention, in NumPy and float64."""
