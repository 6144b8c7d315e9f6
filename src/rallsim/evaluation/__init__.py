"""Many draws, simulated and valued, of which sums are kept."""
