-- The migrations that were applied, by name; yoyo keeps them.
SELECT migration_id FROM signoff_migrations
