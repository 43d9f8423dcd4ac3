"""Applications without a telephone: simulated calls in virtual time, and transcripts played against them. Pure."""
