"""Jobs: work that outlives a request and a process. One row, one claim, one worker, and a message for what remains."""
