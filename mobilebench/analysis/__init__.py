"""Statistics and gaps; reads results, nothing else."""
