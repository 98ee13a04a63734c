"""The process that measures one block with TensorFlow. It has the native runner's command line and answer.

Importing TensorFlow is a measured part of setup; before that, nothing here imports more than the standard library.
"""
