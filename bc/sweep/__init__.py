"""What no webhook told us: changes in Halo, deletes that got lost, and what a posting changed in Business Central."""
