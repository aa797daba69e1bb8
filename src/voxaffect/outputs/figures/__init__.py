"""Figures with one palette."""
