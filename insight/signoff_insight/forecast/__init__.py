"""The forecast: what customers are expected to buy and spend, and how wrong that would have been.

Mathematics alone: arrays in, frozen values out; no SQL and no connection.
"""
