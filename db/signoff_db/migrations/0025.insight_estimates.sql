-- Views group facts by month. The planner knows how many instants there are, not how few months, and would give up
-- parallel work because of so many groups; it is told a number of the size of days in a few years.
ALTER TABLE customer_facts ALTER COLUMN prospect_at SET (n_distinct = 500);
ALTER TABLE customer_exposures ALTER COLUMN exposed_at SET (n_distinct = 500);
