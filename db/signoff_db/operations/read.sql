SELECT {operation_columns}, results FROM operations WHERE id = %(operation)s
