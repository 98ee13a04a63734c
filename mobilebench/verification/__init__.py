"""Does every engine compute the same function? Every format of a model on every engine of this computer, on several
seeded inputs, held against TensorFlow's answers; and the proof that this check can fail.
"""
