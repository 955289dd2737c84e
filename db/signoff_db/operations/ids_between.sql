SELECT letter_id FROM operation_letters
WHERE operation_id = %(operation)s AND place > %(after)s AND place <= %(upto)s
