"""Results and evidence for people to read."""
