"""The orchestration of a run: schedule, log, pictures, signals, devices."""
