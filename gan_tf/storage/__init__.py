"""What must survive a crash: the run directory, its lock, its checkpoints."""
