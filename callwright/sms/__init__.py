"""Text messages, pure: what fits into one, what its receipts add up to, and the words that stop them."""
