"""The views of the facts: each module answers one of them."""
