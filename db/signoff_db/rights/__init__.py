"""What each role may do in Postgres: the SQL that a database administrator runs."""
