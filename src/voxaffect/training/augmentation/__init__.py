"""Augmented copies of recordings: effects, policy, conditions, babble."""
