-- The migrations that an installation of release 0.1 has.
SELECT count(*) FROM signoff_migrations
