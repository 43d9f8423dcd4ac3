"""The process for work that no caller waits for: callbacks and housekeeping."""
