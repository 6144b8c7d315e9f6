"""A history turned into costs and QALYs."""
