-- Whether the letters of an operation are kept.
SELECT EXISTS (SELECT FROM operation_letters WHERE operation_id = %(operation)s)
