"""What the ledger means: facts of customers, charts, a forecast."""
