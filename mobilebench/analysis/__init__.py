"""Statistics, summaries and gaps. Reads results, nothing else."""
