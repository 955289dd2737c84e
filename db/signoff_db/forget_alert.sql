-- Delete the alert of `subject`, so that another one is sent when the cause comes again.
DELETE FROM alerts WHERE subject = %(subject)s
