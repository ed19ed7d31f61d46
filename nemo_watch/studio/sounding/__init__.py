"""A film's sound: the project's own music or a synthesised bed, mixed with the clips' own."""
