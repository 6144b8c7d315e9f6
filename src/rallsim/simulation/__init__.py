"""Patients as they enter, the two engines, and the histories that they write."""
