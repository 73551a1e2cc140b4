"""The report: one HTML file that shows a run, or several side by side."""
