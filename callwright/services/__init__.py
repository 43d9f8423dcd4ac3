"""Business rules over the store, one file for each noun."""
