"""The simulated store: a shop whose truth is known, for trying the system and for judging it.

The system never reads the truth.
"""
