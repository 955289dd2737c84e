DELETE FROM operation_runners WHERE id = %(id)s
