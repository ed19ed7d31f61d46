"""The real things chosen and joined, and the loop that keeps them going."""
