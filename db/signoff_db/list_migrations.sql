-- The migrations that were applied, by name.
SELECT name FROM migrations
