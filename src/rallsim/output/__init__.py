"""The folder that a run leaves, and the manifest in it."""
