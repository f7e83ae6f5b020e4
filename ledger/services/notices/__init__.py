"""Notices (订阅通知): who wants them, what happened, and telling it: signed, in order, at least once.

The book (`notices.db`) is shared by all processes; the worker scans the credit log and delivers.
"""
