"""Emotion over time: windows, voice activity, smoothing, segments."""
