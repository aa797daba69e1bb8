"""Live session: state, recorder."""
