"""Histories, endpoints and their summary: pure functions of what was written."""
