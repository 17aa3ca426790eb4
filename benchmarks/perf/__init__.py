"""What our own code costs, measured apart from any network."""
