"""Named pre- and postprocessing steps of applications, in plain numpy; they are not part of what is measured."""
