"""Customer facts: tables that are computed from the ledger, and kept from the feed."""
