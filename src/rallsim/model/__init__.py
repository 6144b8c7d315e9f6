"""What can happen to a patient: stages, what ends each of them, and the random numbers of one life."""
