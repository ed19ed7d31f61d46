"""Sample photos, painted by our own code."""
