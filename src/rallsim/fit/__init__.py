"""From published figures to parameters: `params/evidence/` to `params/fitted/`."""
