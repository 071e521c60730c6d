"""Answers and attacks with labels: what the gates over a combined caption are measured by.

The labels say what a careful person says of an answer, and were written before any gate was run.
No word list of the gates was tuned by them. A good answer keeps every fact that the person wrote,
states what the sources state or what plainly follows, and is a caption alone.
"""
