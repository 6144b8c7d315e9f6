"""Costs, utilities and perspectives: the files behind a valuation."""
