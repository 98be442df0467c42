"""Labelled questions about data: is the query that comes back right, run on made-up rows?"""
