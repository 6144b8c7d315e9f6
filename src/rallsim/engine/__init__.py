"""Engines: they move patients along the pathway and keep the clock; they know no medicine."""
