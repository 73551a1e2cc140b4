"""A generator for other programs: formats, runtimes, comparison, model card."""
