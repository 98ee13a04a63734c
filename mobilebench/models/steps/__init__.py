"""What an application does before and after a model: named steps, in plain numpy, apart from what is measured."""
