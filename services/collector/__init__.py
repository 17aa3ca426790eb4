"""Takes a frame, and has all of it analysed and stored."""
