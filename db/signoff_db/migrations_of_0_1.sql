-- How far an installation of release 0.1 is.
SELECT count(*) FROM signoff_migrations
