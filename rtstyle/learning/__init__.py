"""Styles that are learned while something else waits or runs, in a process of its own.

What is learned here is `rtstyle learn`; its torch never enters this process.
"""
