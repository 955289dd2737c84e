"""What the ledger means: customer facts, and the views that read them."""
