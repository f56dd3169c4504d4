"""Doctor: named checks of both ends, run when asked for; reads only, and a remote that fails is a failed check."""
