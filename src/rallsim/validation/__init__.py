"""The model in each trial's shoes: what was published beside what the same patients, treated so, come to here."""
