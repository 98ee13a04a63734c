"""The history of a store as pages that link to each other: a folder of files, or live on this computer."""
