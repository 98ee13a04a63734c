"""The process that measures one block with TensorFlow: the native runner's command line and answer, in Python.

Until TensorFlow is imported, which is a measured part of setup, nothing here loads more than the standard library.
"""
