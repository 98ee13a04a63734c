"""Sets of frames and their files, the detector of moving shapes, latencies of stored runs, and live runs in pages."""
