"""What a model file holds, without running it: inputs, outputs, operators, parameters, arithmetic."""
