"""The director: what is asked for and what there is → the draft, and the words about it. Pure."""
