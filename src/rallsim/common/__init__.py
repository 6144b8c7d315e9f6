"""What every other room may use: files, YAML, compiling, records, estimates, figures."""
