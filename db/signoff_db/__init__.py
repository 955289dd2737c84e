"""State, ledger and dead letters in Postgres, and the one function that changes them."""
