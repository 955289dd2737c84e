COPY customer_spells (customer, place, customer_status, began_at, ended_at, next_status, same_before,
    first_tags) FROM STDIN
