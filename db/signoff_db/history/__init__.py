"""What the pages of an event, an interaction and a customer show besides `signoff_db.reading`."""
