-- What events change of rows that are kept stays on their pages, and changes no index: there is room for it, and no index
-- holds such a column. A conversion changes all exposures of a customer, and views count them as quickly from the table.
DROP INDEX customer_exposures_by_tags, customer_exposures_by_reviewer, customer_exposures_by_cta;

ALTER TABLE customer_exposures SET (fillfactor = 90);
ALTER TABLE customer_spells SET (fillfactor = 90);
