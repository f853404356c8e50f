"""What is true of a tunnel, in words: from what charon says to reasons, status, diagnoses."""
