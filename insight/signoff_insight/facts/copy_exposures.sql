COPY customer_exposures (customer, place, exposed_at, converted_after, first_tags, cell, reviewer_cell) FROM STDIN
