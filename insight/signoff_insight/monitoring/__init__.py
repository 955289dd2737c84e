"""What monitoring reads of the customer facts: figures, and whether conversion fell."""
