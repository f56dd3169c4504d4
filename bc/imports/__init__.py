"""Everything that comes in from BC: matching, preview, import jobs, links made by hand."""
