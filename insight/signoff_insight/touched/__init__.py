"""Customers that change without an event."""
