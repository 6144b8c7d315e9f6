"""What strategies cost and gain, as tables."""
