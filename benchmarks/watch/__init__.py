"""A running world, watched: what happens on each edge now, in the terminal and as a live graph."""
