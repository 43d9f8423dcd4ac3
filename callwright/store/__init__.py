"""SQL: the tables, and the queries by noun. Nothing else writes SQL."""
