"""The Azure layer: one file per trigger family; parse, call, answer."""
