-- Set which changes are noted for a reader; see 0033.change_tracking.sql.
SELECT setval(%(reader)s || '_tracking', %(tracking)s)
