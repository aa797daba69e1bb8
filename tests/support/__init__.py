"""Helpers of the tests: synthesized sound, recordings, timelines."""
