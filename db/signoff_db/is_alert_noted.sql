-- A row if an alert of `subject` was sent, and is not over.
SELECT FROM alerts WHERE subject = %(subject)s
