"""Scenario, parameter and evidence files, read and checked completely."""
