"""Results as files, figures, reports and terminal views."""
