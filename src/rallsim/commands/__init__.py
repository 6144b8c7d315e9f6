"""The commands, a module each; `cli` finds them by their PLACE."""
